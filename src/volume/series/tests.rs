use super::*;

const SHAPE: [usize; 3] = [16, 16, 4];
const N: usize = SHAPE[0] * SHAPE[1] * SHAPE[2];

fn grid() -> Grid {
    Grid {
        shape: SHAPE,
        affine: [[2.0, 0.0, 0.0, 10.0], [0.0, 2.0, 0.0, -5.0], [0.0, 0.0, 5.0, 0.0], [0.0, 0.0, 0.0, 1.0]],
    }
}

fn image(name: &str, volumes: &[Vec<f32>]) -> Image {
    Image::from_values(name, grid(), VoxelType::F32, &volumes.concat())
}

/// Numbers in −1 … 1 that look random, the same for the same seed.
fn noise(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / 2f64.powi(30) - 1.0
    })
}

/// ADC of a body of many tissues, mm²/s.
fn adc(voxel: usize) -> f64 {
    0.5e-3 + 2.5e-3 * ((voxel * 7919) % 101) as f64 / 100.0
}

/// Signal at `b` over dark air (the first eighth) and a body of many tissues, with 5 % noise.
fn signal(b: f64, seed: u64) -> Vec<f32> {
    (0..N)
        .zip(noise(seed))
        .map(|(v, e)| {
            if v < N / 8 {
                return (3.0 + e) as f32;
            }
            let s0 = 400.0 + 600.0 * ((v * 104_729) % 89) as f64 / 88.0;
            (s0 * (-b * adc(v)).exp() * (1.0 + 0.05 * e)) as f32
        })
        .collect()
}

/// The scanner's map in 10⁻⁶ mm²/s from two of its images, rounded, 0 in air.
fn scanner_adc(low: &[f32], high: &[f32], b: f64) -> Vec<f32> {
    let both = low.iter().zip(high);
    both.enumerate()
        .map(|(v, (l, h))| if v < N / 8 { 0.0 } else { ((l / h).ln() as f64 / b * 1e6).round().max(0.0) as f32 })
        .collect()
}

fn listed(b_values: &[f64]) -> SeriesOptions {
    SeriesOptions { axes: vec![SeriesAxis::b(AxisSource::List(b_values.to_vec()))], ..SeriesOptions::default() }
}

fn decay(b_values: &[f64]) -> Vec<Vec<f32>> {
    let seeds = 1..;
    b_values.iter().zip(seeds).map(|(&b, s)| signal(b, s)).collect()
}

const B: [f64; 4] = [50.0, 200.0, 500.0, 750.0];

#[test]
fn volumes_lie_as_in_their_file() {
    let images = vec![image("x.nii", &decay(&B))];
    let start = images[0].bytes().as_ptr();
    let series = Series::new(images, &listed(&B)).unwrap();
    let rows = series.rows();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[0].bytes.as_ptr(), start, "copied");
    assert_eq!(series.b_values(), B);
    assert_eq!(series.volumes[2].from, [2]);
    assert!(series.left_out.is_empty());
}

#[test]
fn several_files_are_one_series() {
    let files = decay(&B).into_iter().enumerate().map(|(i, v)| image(&format!("{i}.nii"), &[v])).collect();
    let series = Series::new(files, &listed(&B)).unwrap();
    assert_eq!(series.b_values(), B);
    assert_eq!(series.rows()[3].bytes, series.images()[3].bytes());
}

#[test]
fn another_grid_is_refused_with_how_it_differs() {
    let first = image("first.nii", &decay(&B[..1]));
    let mut moved = image("moved.nii", &decay(&B[1..2]));
    moved.grid.affine[0][3] += 0.19;
    let options = listed(&B[..2]);
    assert!(Series::new(vec![first.clone(), moved.clone()], &options).is_ok());
    moved.grid.affine[0][3] += 0.02;
    let error = Series::new(vec![first.clone(), moved.clone()], &options).unwrap_err();
    assert_eq!(error.exit_status(), 65);
    let text = error.to_string();
    assert!(text.contains("moved.nii") && text.contains("0.105 voxels"), "{text}");
    moved.grid.shape = [16, 8, 8];
    let text = Series::new(vec![first, moved], &options).unwrap_err().to_string();
    assert!(text.contains("[16, 8, 8]"), "{text}");
}

#[test]
fn selections_narrow_one_another() {
    let b = [0.0, 50.0, 52.0, 500.0, 750.0];
    let with = |select: Selection| {
        let options = SeriesOptions { select, ..listed(&b) };
        Series::new(vec![image("x.nii", &decay(&b))], &options)
    };
    let at_least = Selection { b_min: Some(50.0), b_max: Some(500.0), ..Selection::default() };
    assert_eq!(with(at_least.clone()).unwrap().b_values(), [50.0, 52.0, 500.0]);
    let and_indices = Selection { volumes: vec!["0-2".parse().unwrap(), "1,2,4".parse().unwrap()], ..at_least };
    assert_eq!(with(and_indices).unwrap().volumes[1].from, [2]);
    let used = Selection { b_use: vec![50.0, 750.0], ..Selection::default() };
    assert_eq!(with(used).unwrap().b_values(), [50.0, 52.0, 750.0]);
    for nothing in [
        Selection { b_use: vec![400.0], ..Selection::default() },
        Selection { b_min: Some(800.0), ..Selection::default() },
    ] {
        let error = with(nothing).unwrap_err();
        assert_eq!(error.exit_status(), 65);
        assert!(error.to_string().contains("0, 50, 52, 500, 750"), "{error}");
    }
}

#[test]
fn repeats_are_averaged_within_the_tolerance() {
    let b = [500.0, 50.0, 54.0, 0.0, 56.0];
    let options = SeriesOptions { average: Average::Arithmetic, ..listed(&b) };
    let volumes: Vec<Vec<f32>> = [10.0, 20.0, 30.0, 40.0, 50.0].map(|x: f32| vec![x; N]).into();
    let series = Series::new(vec![image("x.nii", &volumes)], &options).unwrap();
    assert_eq!(series.b_values(), [0.0, 52.0, 56.0, 500.0]);
    assert_eq!(series.volumes[1].from, [1, 2]);
    let mut value = [0.0];
    series.rows()[1].load_f32(N - 1, &mut value);
    assert_eq!(value, [25.0]);
    let wider = SeriesOptions { b_tolerance: 6.0, ..options };
    let series = Series::new(vec![image("x.nii", &volumes)], &wider).unwrap();
    assert_eq!(series.b_values(), [0.0, 160.0 / 3.0, 500.0]);
}

#[test]
fn repeats_are_averaged_within_what_a_table_says() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("v.tsv");
    std::fs::write(&table, "b\tT\n0\t40\n0\t70\n500\t40\n500\t70\n500\t40\n").unwrap();
    let options = SeriesOptions {
        average: Average::Geometric,
        average_within: Some(format!("{}:T", table.display()).parse().unwrap()),
        ..listed(&[0.0, 0.0, 500.0, 500.0, 500.0])
    };
    let volumes: Vec<Vec<f32>> = [10.0, 40.0, 2.0, 5.0, 8.0].map(|x: f32| vec![x; N]).into();
    let series = Series::new(vec![image("x.nii", &volumes)], &options).unwrap();
    assert_eq!(series.b_values(), [0.0, 500.0, 500.0]);
    assert_eq!(series.volumes.iter().map(|volume| volume.from.len()).collect::<Vec<_>>(), [2, 2, 1]);
    let value = |i: usize| {
        let mut value = [0.0];
        series.rows()[i].load_f32(0, &mut value);
        value[0]
    };
    // At b = 0 by sum over number, else by the root of the product.
    assert_eq!(value(0), 25.0);
    assert!((value(1) - 4.0).abs() < 1e-6 && value(2) == 5.0);
    let error = Series::new(
        vec![image("x.nii", &volumes[..4])],
        &SeriesOptions { axes: vec![SeriesAxis::b(AxisSource::List(vec![0.0, 0.0, 500.0, 500.0]))], ..options.clone() },
    );
    assert_eq!(error.unwrap_err().exit_status(), 65);
    let not_averaged = SeriesOptions { average: Average::None, ..options };
    let error = Series::new(vec![image("x.nii", &volumes)], &not_averaged).unwrap_err();
    assert!(error.exit_status() == 2 && error.to_string().contains("remedy"), "{error}");
}

#[test]
fn an_appended_adc_map_is_left_out_with_or_without_a_b_value() {
    let mut volumes = decay(&B);
    volumes.push(scanner_adc(&volumes[0], &volumes[3], 700.0));
    let with_b: [&[f64]; 3] = [&B, &[50.0, 200.0, 500.0, 750.0, 0.0], &[50.0, 200.0, 500.0, 750.0, 750.0]];
    for b in with_b {
        let series = Series::new(vec![image("x.nii", &volumes)], &listed(b)).unwrap();
        assert_eq!(series.left_out, [(4, Appended::AdcMap)], "{b:?}");
        assert_eq!(series.b_values(), B);
    }
    let named = SeriesOptions {
        select: Selection { volumes: vec!["0-4".parse().unwrap()], ..Selection::default() },
        ..listed(with_b[1])
    };
    let series = Series::new(vec![image("x.nii", &volumes)], &named).unwrap();
    assert_eq!(series.volumes.len(), 5, "a volume that is named is never left out");
}

#[test]
fn an_appended_mean_and_map_are_both_left_out() {
    let b = [0.0, 800.0, 800.0, 800.0];
    let mut volumes = decay(&b);
    let mean = (0..N).map(|v| volumes[1..4].iter().map(|d| d[v]).product::<f32>().cbrt());
    let mean: Vec<f32> = mean.map(f32::round).collect();
    volumes.push(mean.clone());
    volumes.push(scanner_adc(&volumes[0], &mean, 800.0));
    let left_out = [(5, Appended::AdcMap), (4, Appended::Mean)];
    let series = Series::new(vec![image("x.nii", &volumes)], &listed(&b)).unwrap();
    assert_eq!(series.left_out, left_out);
    let all_b = [0.0, 800.0, 800.0, 800.0, 800.0, 0.0];
    let series = Series::new(vec![image("x.nii", &volumes)], &listed(&all_b)).unwrap();
    assert_eq!(series.left_out, left_out);
}

#[test]
fn what_is_not_appended_stays() {
    for b in [
        &[50.0, 500.0][..],
        &[0.0, 0.0, 800.0, 800.0, 800.0],
        &[0.0, 800.0, 800.0, 800.0, 0.0],
        &[750.0, 500.0, 200.0, 50.0],
    ] {
        let series = Series::new(vec![image("x.nii", &decay(b))], &listed(b)).unwrap();
        assert!(series.left_out.is_empty(), "{b:?}: {:?}", series.left_out);
    }
}

#[test]
fn a_volume_without_a_b_value_that_is_not_derived_is_an_error() {
    let volumes = decay(&[50.0, 200.0, 500.0, 750.0, 750.0]);
    let error = Series::new(vec![image("x.nii", &volumes)], &listed(&B)).unwrap_err();
    assert_eq!(error.exit_status(), 65);
    assert!(error.to_string().contains("5 volumes but 4 b-values"), "{error}");
    let too_many = Series::new(vec![image("x.nii", &volumes[..3])], &listed(&B)).unwrap_err();
    assert!(too_many.to_string().contains("3 volumes but 4 b-values"), "{too_many}");
}

/// Two flip angles at two echo times: what differs in one of them is no repeat.
#[test]
fn repeats_agree_in_all_axes() {
    let axis = |name: &str, unit: &str, values: &[f64]| SeriesAxis {
        name: name.into(),
        unit: unit.into(),
        source: AxisSource::List(values.to_vec()),
    };
    let flip = axis("flip_angle", "degree", &[10.0, 2.0, 10.0, 10.0, 2.0]);
    let te = axis("te", "ms", &[1.0, 1.0, 4.0, 1.0, 1.0]);
    let options = SeriesOptions {
        axes: vec![flip, te, axis("tr", "ms", &[3.7])],
        average: Average::Arithmetic,
        ..SeriesOptions::default()
    };
    let volumes: Vec<Vec<f32>> = [10.0, 20.0, 30.0, 40.0, 50.0].map(|x: f32| vec![x; N]).into();
    let series = Series::new(vec![image("x.nii", &volumes)], &options).unwrap();
    assert_eq!(series.values(), [vec![2.0, 10.0, 10.0], vec![1.0, 1.0, 4.0], vec![3.7; 3]]);
    assert_eq!(series.volumes.iter().map(|v| v.from.clone()).collect::<Vec<_>>(), [vec![1, 4], vec![0, 3], vec![2]]);
    assert!(series.b_values().is_empty() && series.left_out.is_empty());
    // Without b-values there is no lowest one: the mean of all.
    assert_eq!(series.brightest()[0], (35.0 + 25.0 + 30.0) / 3.0);
}

#[test]
fn b_values_choose_only_where_b_is_an_axis() {
    let te = SeriesAxis { name: "te".into(), unit: "ms".into(), source: AxisSource::List(vec![1.0, 2.0]) };
    let select = Selection { b_min: Some(50.0), ..Selection::default() };
    let options = SeriesOptions { axes: vec![te], select, ..SeriesOptions::default() };
    let volumes = decay(&B[..2]);
    let error = Series::new(vec![image("x.nii", &volumes)], &options).unwrap_err();
    assert!(error.exit_status() == 2 && error.to_string().contains("--volumes"), "{error}");
    let options = SeriesOptions { select: Selection::default(), ..options };
    assert!(Series::new(vec![image("x.nii", &volumes)], &options).is_ok());
    let error = Series::new(vec![image("x.nii", &decay(&B))], &options).unwrap_err();
    assert!(error.to_string().contains("4 volumes but 2 values of the axis `te`"), "{error}");
}
