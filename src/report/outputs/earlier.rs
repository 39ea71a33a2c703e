//! What an earlier run wrote, by its own record.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{RECORD, check_name, remove_if_there};
use crate::Result;

/// The record of an earlier run in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    dir: PathBuf,
    outputs: Vec<String>,
    parts: Vec<String>,
}

impl Earlier {
    /// Reads it; `None` where there is none, or one that names no outputs. What could lie outside of the folder is passed over.
    pub fn read(dir: &Path) -> Option<Self> {
        let record: Value = serde_json::from_slice(&fs::read(dir.join(RECORD)).ok()?).ok()?;
        let texts = |value: Option<&Value>| -> Vec<String> {
            let all = value.and_then(Value::as_array).into_iter().flatten();
            all.filter_map(|text| text.as_str().map(str::to_owned)).collect()
        };
        record.get("outputs")?.as_array()?;
        let mut outputs = texts(record.get("outputs"));
        outputs.retain(|name| check_name(name).is_ok());
        let mut parts = texts(record.get("options").and_then(|options| options.get("parts")));
        parts.retain(|part| part.split('/').all(|name| !name.is_empty() && check_name(name).is_ok()));
        Some(Self { dir: dir.into(), outputs, parts })
    }

    /// The parts of an examination that it computed, each in a folder of its own.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// The names of the files that it wrote but for the record.
    pub fn names(self) -> impl Iterator<Item = String> {
        self.outputs.into_iter()
    }

    /// The files that it wrote, last of all the record itself.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.outputs.iter().map(String::as_str).chain([RECORD]).map(|name| self.dir.join(name))
    }

    /// Removes these files and nothing else but what a run since then wrote, the record last, so that it names what is left
    /// if this is cut short.
    ///
    /// # Errors
    /// [`Error::CannotCreate`](crate::Error::CannotCreate) for a file that cannot be removed.
    pub fn remove(self, since: Option<&Self>) -> Result<()> {
        let kept: Vec<PathBuf> = since.into_iter().flat_map(Self::files).collect();
        self.files().filter(|file| !kept.contains(file)).try_for_each(|file| remove_if_there(&file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_leads_to_its_own_files_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, beside) = (folder.path().join("dir"), folder.path().join("mine.txt"));
        fs::create_dir(&dir).unwrap();
        assert_eq!(Earlier::read(&dir), None);
        let record = r#"{"outputs": ["a.nii", "../mine.txt", "gone.json"], "options": {"parts": ["dwi/adc", "../x", "/y", "", "ct"]}}"#;
        for (path, text) in
            [(dir.join(RECORD), record), (dir.join("a.nii"), ""), (dir.join("b.nii"), ""), (beside.clone(), "")]
        {
            fs::write(path, text).unwrap();
        }
        let earlier = Earlier::read(&dir).unwrap();
        assert_eq!(earlier.parts(), ["dwi/adc", "ct"]);
        let since = Earlier { outputs: vec!["a.nii".into()], ..earlier.clone() };
        earlier.clone().remove(Some(&since)).unwrap();
        assert!(dir.join(RECORD).exists() && dir.join("a.nii").exists());
        earlier.remove(None).unwrap();
        assert!(!dir.join(RECORD).exists() && !dir.join("a.nii").exists());
        assert!(dir.join("b.nii").exists() && beside.exists());
        fs::write(dir.join(RECORD), "{\"mine\": true}").unwrap();
        assert_eq!(Earlier::read(&dir), None);
    }
}
