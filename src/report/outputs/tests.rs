use super::*;
use crate::device::Column;

const VALUES: [f32; 2] = [1.0, 2.0];

fn grid() -> Grid {
    let mut affine = [[0.0; 4]; 4];
    (0..4).for_each(|axis| affine[axis][axis] = 1.0);
    Grid { shape: [2, 1, 1], affine }
}

fn map(name: &str) -> MapOutput<'_> {
    MapOutput {
        name,
        data: MapData::F32(&VALUES),
        unit: "mm²/s",
        title: "Apparent diffusion coefficient",
        picture: ColourKind::Sequential.into(),
        meta: Map::from_iter([("method".to_owned(), "iwlls".into())]),
    }
}

fn options(dir: &Path, force: bool) -> OutputOptions {
    OutputOptions { dir: dir.into(), format: Format::NiiGz, pictures: true, force }
}

fn run() -> RunRecord<'static> {
    RunRecord { command: "fit", options: Map::new(), inputs_sha256: &[], device: "cpu".into() }
}

fn read_json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_run_is_recorded_last_with_all_that_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new/maps");
    let outputs = Outputs::plan(options(&dir, false), &["ADC", "status"], &["t.tsv"]).unwrap();
    outputs.write_maps(&grid(), &[map("ADC"), map("status")]).unwrap();
    outputs.write_file("t.tsv", b"label\n").unwrap();
    assert!(!dir.join(RECORD).exists());
    outputs.finish(&run()).unwrap();
    let record = read_json(dir.join(RECORD));
    let written = ["ADC.json", "ADC.nii.gz", "ADC.png", "status.json", "status.nii.gz", "status.png", "t.tsv"];
    assert_eq!(record["outputs"], json!(written));
    let sidecar = read_json(dir.join("ADC.json"));
    assert_eq!(sidecar["units"], "mm²/s");
    assert_eq!(sidecar["method"], "iwlls");
    assert_eq!(sidecar["note"], RESEARCH_USE_ONLY);
}

#[test]
fn what_exists_is_refused_before_computing_and_replaced_when_forced() {
    let folder = tempfile::tempdir().unwrap();
    for existing in ["ADC.nii.gz", "ADC.json", "ADC.png", "t.tsv", RECORD] {
        let path = folder.path().join(existing);
        fs::write(&path, "old").unwrap();
        let error = Outputs::plan(options(folder.path(), false), &["ADC"], &["t.tsv"]).unwrap_err();
        assert_eq!(error.exit_status(), 73);
        let text = error.to_string();
        assert!(text.contains(existing) && text.contains("--force"), "{text}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        fs::remove_file(path).unwrap();
    }
    fs::write(folder.path().join("other.txt"), "old").unwrap();
    fs::write(folder.path().join(RECORD), "old").unwrap();
    let outputs = Outputs::plan(options(folder.path(), true), &["ADC"], &[]).unwrap();
    assert!(!folder.path().join(RECORD).exists(), "an old record vouches for new maps");
    outputs.write_map(&grid(), &map("ADC")).unwrap();
    outputs.finish(&run()).unwrap();
    assert!(folder.path().join("other.txt").exists());
}

#[test]
fn only_what_was_planned_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let outputs = Outputs::plan(options(folder.path(), false), &["ADC"], &[]).unwrap();
    let error = outputs.write_map(&grid(), &map("S0")).unwrap_err();
    assert_eq!(error.exit_status(), 70);
}

#[test]
fn no_name_leads_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["../ADC", "a/b", "/ADC", ".ADC", "a b", "a\\b", ""] {
        let error = Outputs::plan(options(folder.path(), false), &[name], &[]).unwrap_err();
        assert_eq!(error.exit_status(), 2, "{name:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = Outputs::plan(options(&file, false), &["ADC"], &[]).unwrap_err();
    assert_eq!(error.exit_status(), 73);
}

/// The files of a map of two voxels that is put in two parts, or not at all.
fn opened(format: Format, pictures: bool, elsewhere: Option<f32>, parts: &[(usize, f32)]) -> Vec<(String, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let options = OutputOptions { dir: folder.path().into(), format, pictures, force: false };
    let outputs = Outputs::plan(options, &["ADC"], &[]).unwrap();
    let open = outputs.open_map(&grid(), "ADC", 1, &Column::F32(Vec::new()), elsewhere).unwrap();
    for &(first, value) in parts {
        let picked = elsewhere.map(|_| &[1, 0][..]);
        open.put(0, first, picked, &Column::F32(vec![value])).unwrap();
    }
    let MapOutput { unit, title, picture, meta, .. } = map("ADC");
    outputs.close_map(&grid(), open, MapLabel { unit: unit.into(), title: title.into(), picture, meta }).unwrap();
    files(folder.path())
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut files: Vec<_> = entries.map(|path| (name(&path), fs::read(&path).unwrap())).collect();
    files.sort();
    files
}

#[test]
fn maps_in_parts_are_maps_at_once() {
    for (format, pictures) in [(Format::Nii, false), (Format::Nii, true), (Format::NiiGz, false)] {
        let folder = tempfile::tempdir().unwrap();
        let options = OutputOptions { dir: folder.path().into(), format, pictures, force: false };
        Outputs::plan(options, &["ADC"], &[]).unwrap().write_map(&grid(), &map("ADC")).unwrap();
        let at_once = files(folder.path());
        let [first, second] = VALUES;
        assert!(opened(format, pictures, None, &[(1, second), (0, first)]) == at_once, "{format:?} {pictures}");
        // With a mask, places are those of the picked voxels: here the other way round.
        assert!(opened(format, pictures, Some(0.0), &[(1, first), (0, second)]) == at_once, "{format:?} {pictures}");
        assert!(opened(format, pictures, None, &[(0, second), (1, first)]) != at_once, "{format:?} {pictures}");
    }
}

#[test]
fn voxels_that_are_never_put_are_elsewhere() {
    let of_one = opened(Format::Nii, false, Some(2.0), &[(1, 1.0)]);
    assert!(of_one == opened(Format::Nii, false, None, &[(0, 1.0), (1, 2.0)]));
}

#[test]
fn a_map_that_is_not_closed_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let options = OutputOptions { dir: folder.path().into(), format: Format::Nii, pictures: false, force: false };
    let outputs = Outputs::plan(options, &["ADC"], &[]).unwrap();
    let open = outputs.open_map(&grid(), "ADC", 1, &Column::F32(Vec::new()), None).unwrap();
    assert_eq!(files(folder.path()).len(), 1, "it is written while it is computed");
    drop(open);
    assert!(files(folder.path()).is_empty());
}
