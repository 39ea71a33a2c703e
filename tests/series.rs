//! Selecting, filtering and averaging real images gives what others made of the same images.
//!
//! The references in `dwi_liver` are their authors' own: `vol1_trace_*` are geometric means over directions,
//! `vol1_ref_b0` is the mean of all b = 0 images, each median-filtered.

use std::path::Path;

use hepar::volume::{
    Appended, Average, AxisSource, Image, Mask, ReadOptions, Selection, Series, SeriesAxis, SeriesOptions,
    VoxelType, read,
};
use libtest_mimic::{Failed, Trial};

use crate::support::with_data;

pub fn trials() -> Vec<Trial> {
    vec![
        with_data(
            "series::geometric_means_are_those_of_the_authors",
            |folder| geometric_means(&folder.join("dwi_liver")),
        ),
        with_data(
            "series::filtered_means_are_those_of_the_authors",
            |folder| filtered_mean(&folder.join("dwi_liver")),
        ),
        with_data("series::no_real_image_is_taken_for_an_appended_one", |f| {
            nothing_left_out(&f.join("dwi_liver"))
        }),
        with_data("series::an_appended_mean_of_real_images_is_found", |f| {
            appended_mean(&f.join("dwi_liver"))
        }),
        with_data("series::the_automatic_mask_holds_every_organ", |f| {
            automatic_mask(&f)
        }),
    ]
}

fn load(path: &Path) -> Result<Image, Failed> {
    Ok(read(path, &ReadOptions::default())?)
}

fn values(image: &Image, volume: usize) -> Vec<f32> {
    let mut values = vec![0.0; image.grid.n_voxels()];
    image.row(volume).load_f32(0, &mut values);
    values
}

/// The volumes of all 300 images of a volunteer whose columns hold these values.
fn chosen(folder: &Path, conditions: &[&str], options: SeriesOptions) -> Result<Series, Failed> {
    let table = folder.join("vol1_all300.tsv");
    let conditions = conditions
        .iter()
        .map(|c| format!("{}:{c}", table.display()).parse());
    let select = Selection {
        volumes: conditions.collect::<Result<_, String>>()?,
        ..options.select
    };
    let images = vec![load(&folder.join("vol1_all300.nii.gz"))?];
    Ok(Series::new(images, &SeriesOptions { select, ..options })?)
}

/// Largest difference relative to the reference, where that is not 0; and whether both are 0 at the same voxels.
fn compare(ours: &[f32], reference: &[f32]) -> (f64, bool) {
    let mut worst = 0.0f64;
    let mut same_zeros = ours.len() == reference.len();
    for (&o, &r) in ours.iter().zip(reference) {
        same_zeros &= (o == 0.0) == (r == 0.0);
        if r != 0.0 {
            worst = worst.max((f64::from(o) - f64::from(r)).abs() / f64::from(r).abs());
        }
    }
    (worst, same_zeros)
}

/// Twice the rounding of float32: one for the reference's file, one for ours.
const ROUNDING: f64 = 2.0 * f32::EPSILON as f64;

fn geometric_means(folder: &Path) -> Result<(), Failed> {
    let options = SeriesOptions {
        average: Average::Geometric,
        ..SeriesOptions::default()
    };
    let conditions = ["T_ms=70", "profile(1=bipolar,2=flowcomp)=1"];
    let series = chosen(folder, &conditions, options)?;
    let reference = load(&folder.join("vol1_trace_bp_T70.nii.gz"))?;
    assert_eq!(
        series.b_values(),
        [10.0, 25.0, 50.0, 100.0, 200.0, 300.0, 400.0, 500.0]
    );
    for (v, row) in series.rows().into_iter().enumerate() {
        assert_eq!(series.volumes[v].from.len(), 6, "directions");
        let mut ours = vec![0.0; series.grid.n_voxels()];
        row.load_f32(0, &mut ours);
        // The reference's first volume is b = 0, which has no bipolar images.
        let mut theirs = values(&reference, v + 1);
        let (worst, same_zeros) = compare(&ours, &theirs);
        if worst > ROUNDING || !same_zeros {
            return Err(format!("volume {v}: {worst:e}, zeros alike: {same_zeros}").into());
        }
        let brightest = (0..theirs.len())
            .max_by(|&x, &y| theirs[x].total_cmp(&theirs[y]))
            .ok_or("no voxel")?;
        theirs[brightest] *= 1.0 + 1e-6;
        assert!(
            compare(&ours, &theirs).0 > ROUNDING,
            "the comparison cannot fail"
        );
    }
    Ok(())
}

fn filtered_mean(folder: &Path) -> Result<(), Failed> {
    let with = |median_3x3| SeriesOptions {
        average: Average::Arithmetic,
        median_3x3,
        ..SeriesOptions::default()
    };
    let inside = Mask::of_image(
        &load(&folder.join("vol1_mask.nii.gz"))?,
        &load(&folder.join("vol1_ref_b0.nii.gz"))?.grid,
    )?;
    let reference = values(&load(&folder.join("vol1_ref_b0.nii.gz"))?, 0);
    let picked =
        |all: &[f32]| -> Vec<f32> { inside.picked().iter().map(|&v| all[v as usize]).collect() };
    let worst = |series: &Series| {
        assert_eq!(series.b_values(), [0.0]);
        compare(&picked(&series.brightest()), &picked(&reference)).0
    };
    let filtered = worst(&chosen(folder, &["b=0"], with(true))?);
    let unfiltered = worst(&chosen(folder, &["b=0"], with(false))?);
    assert!(filtered <= ROUNDING, "{filtered:e}");
    assert!(
        unfiltered > 0.01,
        "the comparison cannot fail: {unfiltered:e}"
    );
    Ok(())
}

fn nothing_left_out(folder: &Path) -> Result<(), Failed> {
    let mut n_series = 0;
    for entry in folder.read_dir()? {
        let path = entry?.path();
        let name = path.to_string_lossy();
        if !(name.contains("_trace_") || name.contains("_all300")) || !name.ends_with(".nii.gz") {
            continue;
        }
        let series = Series::new(vec![load(&path)?], &SeriesOptions::default())?;
        if !series.left_out.is_empty() {
            return Err(format!("{name}: {:?}", series.left_out).into());
        }
        n_series += 1;
    }
    assert_eq!(n_series, 21, "series in {}", folder.display());
    Ok(())
}

/// Six real directions of b = 500 after b = 10, then the authors' own geometric mean of the six.
fn appended_mean(folder: &Path) -> Result<(), Failed> {
    let all = load(&folder.join("vol1_all300.nii.gz"))?;
    let conditions = ["T_ms=70", "profile(1=bipolar,2=flowcomp)=1"];
    let series = chosen(folder, &conditions, SeriesOptions::default())?;
    let of_b = |b: f64| series.volumes.iter().filter(move |v| v.at == [b]);
    let indices: Vec<usize> = of_b(10.0)
        .take(1)
        .chain(of_b(500.0))
        .map(|v| v.from[0])
        .collect();
    let mut voxels: Vec<f32> = indices.iter().flat_map(|&v| values(&all, v)).collect();
    voxels.extend(values(&load(&folder.join("vol1_trace_bp_T70.nii.gz"))?, 8));
    let image = Image::from_values("made", all.grid.clone(), VoxelType::F32, &voxels);
    let b: Vec<f64> = [10.0].into_iter().chain([500.0; 7]).collect();
    for given in [&b[..], &b[..7]] {
        let options = SeriesOptions {
            axes: vec![SeriesAxis::b(AxisSource::List(given.to_vec()))],
            ..SeriesOptions::default()
        };
        let series = Series::new(vec![image.clone()], &options)?;
        assert_eq!(
            series.left_out,
            [(7, Appended::Mean)],
            "{} b-values",
            given.len()
        );
    }
    Ok(())
}

/// Organs that people or other programs drew lie wholly in the body that is found.
fn automatic_mask(folder: &Path) -> Result<(), Failed> {
    for (image, labels) in [
        ("dwi_liver/vol1_trace_bp_T70", "dwi_liver/vol1_rois"),
        ("dwi_liver/vol2_trace_bp_T70", "dwi_liver/vol2_rois"),
        ("dwi_liver/vol3_trace_bp_T70", "dwi_liver/vol3_rois"),
        ("ct_abdomen/example_ct_sm", "ct_abdomen/example_seg"),
        ("mr_abdomen/example_mr_sm", "mr_abdomen/example_seg_mr"),
    ] {
        let path = folder.join(format!("{image}.nii.gz"));
        let image = load(&path)?;
        let organs = load(&folder.join(format!("{labels}.nii.gz")))?;
        let organs = Mask::of_image(&organs, &image.grid)?;
        let body = Mask::of_body(&values(&image, 0), &image.grid, &path)?;
        let both = organs.inside().iter().zip(body.inside());
        let missed = both.filter(|&(&organ, &body)| organ && !body).count();
        let share = body.picked().len() as f64 / image.grid.n_voxels() as f64;
        if missed > 0 || share > 0.9 {
            let path = path.display();
            return Err(format!("{path}: {missed} voxels missed, {share:.2} inside").into());
        }
    }
    Ok(())
}
