use super::*;
use crate::volume::{Grid, VoxelType};

fn image(path: &Path, n_volumes: usize) -> Image {
    let affine = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
    let grid = Grid { shape: [1, 1, 1], affine };
    Image::from_values(path.to_str().unwrap(), grid, VoxelType::F32, &vec![1.0f32; n_volumes])
}

fn axis(name: &str, unit: &str, source: AxisSource) -> SeriesAxis {
    SeriesAxis { name: name.into(), unit: unit.into(), source }
}

fn te() -> SeriesAxis {
    axis("te", "ms", AxisSource::Beside)
}

fn with_sidecars(texts: &[&str]) -> (tempfile::TempDir, Vec<Image>) {
    let folder = tempfile::tempdir().unwrap();
    let made = texts.iter().enumerate().map(|(i, text)| {
        std::fs::write(folder.path().join(format!("{i}.json")), text).unwrap();
        image(&folder.path().join(format!("{i}.nii.gz")), 1)
    });
    let images = made.collect();
    (folder, images)
}

fn close(got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{got:?}");
    assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() <= 1e-12 * b.abs()), "{got:?}, not {want:?}");
}

/// Seconds become the model's milliseconds, degrees stay.
#[test]
fn sidecars_of_several_files_are_read_in_their_units() {
    let text = |te: f64, flip: f64| format!(r#"{{"EchoTime": {te}, "FlipAngle": {flip}, "RepetitionTime": 0.0037}}"#);
    let (_folder, images) = with_sidecars(&[&text(0.0011, 2.0), &text(0.0023, 10.0)]);
    close(&te().values(&images).unwrap(), &[1.1, 2.3]);
    close(&axis("flip_angle", "degree", AxisSource::Beside).values(&images).unwrap(), &[2.0, 10.0]);
    close(&axis("tr", "ms", AxisSource::Beside).values(&images).unwrap(), &[3.7, 3.7]);
    close(&axis("tr", "s", AxisSource::Beside).values(&images).unwrap(), &[0.0037, 0.0037]);
}

#[test]
fn the_sidecar_of_a_4d_file_holds_one_value_or_one_a_volume() {
    let folder = tempfile::tempdir().unwrap();
    let images = [image(&folder.path().join("x.nii.gz"), 3)];
    let json = folder.path().join("x.json");
    std::fs::write(&json, r#"{"EchoTime": [0.001, 0.002, 0.003], "RepetitionTime": 0.01}"#).unwrap();
    close(&te().values(&images).unwrap(), &[1.0, 2.0, 3.0]);
    close(&axis("tr", "ms", AxisSource::Beside).values(&images).unwrap(), &[10.0]);
    std::fs::write(&json, r#"{"EchoTime": [0.001, 0.002]}"#).unwrap();
    let error = te().values(&images).unwrap_err().to_string();
    assert!(error.contains("3 volumes but 2 values of the axis `te`") && error.contains("x.json"), "{error}");
}

#[test]
fn what_is_missing_is_named_with_the_remedy() {
    let (folder, images) = with_sidecars(&["{}"]);
    let inverse = axis("te", "1/ms", AxisSource::Beside);
    let (_other, unlike) = with_sidecars(&[r#"{"EchoTime": 0.1}"#]);
    for (axis, images, said) in [
        (te(), &images, "0.json: holds no EchoTime, which the axis `te` needs"),
        (inverse, &unlike, "EchoTime is in s, the axis `te` in 1/ms"),
        (axis("time", "s", AxisSource::Beside), &images, "no values are given for the axis `time`"),
        (te(), &vec![image(&folder.path().join("y.nii"), 1)], "there is no y.json beside it"),
    ] {
        let error = axis.values(images).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains(&format!("--axis {}=LIST", axis.name)), "{error}");
    }
}

#[test]
fn files_are_lists_tables_or_sidecars() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let given = |axis: &str, unit: &str, path: PathBuf| self::axis(axis, unit, AxisSource::File(path)).given();
    let text = file("te.txt", "1.1 2.3\n3.5\n");
    let table = file("v.tsv", "te\tflip_angle\n1.1\t5\n2.3\t7\n");
    let json = file("v.json", r#"{"InversionTime": [0.1, 0.5]}"#);
    assert_eq!(given("te", "ms", text.clone()).unwrap(), [1.1, 2.3, 3.5]);
    assert_eq!(given("flip_angle", "degree", table.clone()).unwrap(), [5.0, 7.0]);
    assert_eq!(given("ti", "ms", json).unwrap(), [100.0, 500.0]);
    for (axis, path, said) in [
        ("te", file("x.txt", "1 b"), "value 2 is \"b\""),
        ("te", file("y.txt", "1 inf"), "value 2 is inf"),
        ("te", file("z.txt", ""), "there is no value"),
        ("ti", table, "has no column named ti"),
        ("te", file("x.tsv", "te\n1\nx\n"), "\"x\" in the column te is no number"),
        ("b", text, "value 1"),
    ] {
        let unit = if axis == "b" { B_UNIT } else { "ms" };
        let path = if axis == "b" { file("b.txt", "-1") } else { path };
        let error = given(axis, unit, path).unwrap_err();
        assert_eq!(error.exit_status(), 65);
        assert!(error.to_string().contains(said), "{error}");
    }
}

/// The rows of a spectrum come in the order that is asked for.
#[test]
fn rows_of_a_table_are_found_by_their_first_cells() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/spectra/hemoglobin.tsv");
    let given = |column: &str, rows: &[f64]| {
        let column = TableColumn { path: path.clone(), column: column.into() };
        axis("s1", "1", AxisSource::Table { column, rows: rows.to_vec() }).given()
    };
    assert_eq!(given("HbO2", &[850.0, 750.0]).unwrap(), [1058.0, 518.0]);
    assert_eq!(given("Hb", &[]).unwrap().len(), 21);
    let said = given("Hb", &[750.0, 755.0]).unwrap_err().to_string();
    assert!(said.contains("no row begins with 755") && said.contains("hemoglobin.tsv"), "{said}");
}

#[test]
fn a_single_value_is_that_of_all_samples() {
    let both = [te(), axis("tr", "ms", AxisSource::Beside)];
    let values = together(&both, vec![vec![1.0, 2.0, 3.0], vec![7.0]]).unwrap();
    assert_eq!(values, [vec![1.0, 2.0, 3.0], vec![7.0; 3]]);
    let problem = together(&both, vec![vec![1.0, 2.0, 3.0], vec![7.0, 8.0]]).unwrap_err();
    assert!(problem.contains("3 of `te`, 2 of `tr`"), "{problem}");
}
