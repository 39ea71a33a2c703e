//! Files are replaced whole, alone and many at once.

use super::*;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ADC.json");
    write_atomically(&path, b"old").unwrap();
    write_atomically(&path, b"new").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    assert_eq!(names(folder.path()), ["ADC.json"]);
}

#[test]
fn a_full_disk_leaves_the_old_file_and_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ADC.json");
    write_atomically(&path, b"old").unwrap();
    let error = write_atomically_with(&path, |file| {
        file.write_all(b"ne")?;
        Err(ErrorKind::StorageFull.into())
    })
    .unwrap_err();
    assert_eq!(error.exit_status(), 74);
    assert!(error.to_string().contains("remedy: free some space"));
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["ADC.json"]);
}

#[test]
fn files_that_belong_together_have_their_names_together() {
    let folder = tempfile::tempdir().unwrap();
    let pending = |name: &str| PendingFile::filled(&folder.path().join(name), |file| file.write_all(b"x")).unwrap();
    let (files, last) = (vec![pending("ADC.nii").close(), pending("ADC.json").close()], pending("hepar.json"));
    assert!(names(folder.path()).iter().all(|name| name.ends_with(".part")));
    commit_all(files, last).unwrap();
    assert_eq!(names(folder.path()), ["ADC.json", "ADC.nii", "hepar.json"]);
}

#[test]
fn the_last_file_has_no_name_where_another_cannot_have_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let pending = |name: &str| PendingFile::filled(&folder.path().join(name), |file| file.write_all(b"x")).unwrap();
    let (files, last) = (vec![pending("ADC.nii").close()], pending("hepar.json"));
    std::fs::create_dir(folder.path().join("ADC.nii")).unwrap();
    assert_eq!(commit_all(files, last).unwrap_err().exit_status(), 73);
    assert_eq!(names(folder.path()), ["ADC.nii"]);
}

#[test]
fn a_missing_folder_is_an_output_that_cannot_be_created() {
    let folder = tempfile::tempdir().unwrap();
    let error = write_atomically(&folder.path().join("no/ADC.json"), b"x").unwrap_err();
    assert_eq!(error.exit_status(), 73);
}

#[cfg(unix)]
#[test]
fn the_rights_are_those_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (ours, plain) = (folder.path().join("a"), folder.path().join("b"));
    write_atomically(&ours, b"x").unwrap();
    std::fs::write(&plain, b"x").unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&ours), mode(&plain));
}

#[test]
fn more_files_than_are_synced_at_once_get_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let file =
        |i: usize| PendingFile::filled(&folder.path().join(format!("{i:02}")), |file| write!(file, "{i}")).unwrap();
    commit_all((0..20).map(|i| file(i).close()).collect(), file(20)).unwrap();
    assert_eq!(names(folder.path()), (0..=20).map(|i| format!("{i:02}")).collect::<Vec<_>>());
    let mut files: Vec<ClosedFile> = (30..45).map(|i| file(i).close()).collect();
    std::fs::remove_file(&files[11].beside).unwrap();
    let error = commit_all(std::mem::take(&mut files), file(45)).unwrap_err();
    assert!(error.to_string().contains(&folder.path().join("41").display().to_string()), "{error}");
    assert_eq!(names(folder.path()).len(), 21, "one cannot be synced: none has a name");
}
