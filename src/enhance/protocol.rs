//! Whether two images were acquired alike: without the same TR, TE, flip angle and scaling their difference says
//! nothing about contrast.

use std::path::Path;

use serde_json::{Map, Value};

use crate::{Error, Result};

/// A sidecar key that must agree, in the words and unit of a message.
struct Setting {
    key: &'static str,
    name: &'static str,
    unit: &'static str,
    /// Whether every image has it, so that its absence is worth a word.
    universal: bool,
}

const SETTINGS: [Setting; 6] = [
    Setting { key: "RepetitionTime", name: "TR", unit: " s", universal: true },
    Setting { key: "EchoTime", name: "TE", unit: " s", universal: true },
    Setting { key: "FlipAngle", name: "flip angle", unit: "°", universal: true },
    Setting { key: "PhilipsRescaleSlope", name: "rescale slope", unit: "", universal: false },
    Setting { key: "PhilipsRescaleIntercept", name: "rescale intercept", unit: "", universal: false },
    Setting { key: "PhilipsScaleSlope", name: "scale slope", unit: "", universal: false },
];

/// Largest relative difference of a setting that still counts as the same: scanners round what they report.
const SAME_WITHIN: f64 = 1e-3;

/// An image and what its JSON sidecar holds, if it has one.
#[derive(Debug, Clone, Copy)]
pub struct Acquired<'a> {
    /// The image.
    pub path: &'a Path,
    /// The sidecar's keys.
    pub sidecar: Option<&'a Map<String, Value>>,
}

impl Acquired<'_> {
    fn setting(&self, key: &str) -> Option<f64> {
        self.sidecar?.get(key)?.as_f64()
    }
}

/// Refuses two images whose settings differ, unless `allow_mismatch`; returns what a person should know of the rest:
/// differences that were allowed, and settings that could not be checked.
pub fn check(reference: Acquired, other: Acquired, allow_mismatch: bool) -> Result<Vec<String>> {
    let (mut differences, mut unknown) = (Vec::new(), Vec::new());
    for Setting { key, name, unit, universal } in SETTINGS {
        match (reference.setting(key), other.setting(key)) {
            (Some(a), Some(b)) if (a - b).abs() > SAME_WITHIN * a.abs().max(b.abs()) => {
                differences.push(format!("{name} is {b}{unit}, but {a}{unit}"));
            }
            (Some(_), Some(_)) => {}
            (None, None) if !universal => {}
            _ => unknown.push(name),
        }
    }
    let (there, here) = (reference.path.display(), other.path.display());
    if !differences.is_empty() && !allow_mismatch {
        return Err(Error::data(
            other.path,
            format!("{} in {there}: the difference of the images would not be contrast", differences.join("; ")),
            "use images of one protocol, or --allow-mismatch if the sidecars are wrong",
        ));
    }
    let mut notes: Vec<String> = differences
        .iter()
        .map(|difference| format!("{here}: {difference} in {there}; allowed by --allow-mismatch"))
        .collect();
    if !unknown.is_empty() {
        notes.push(format!(
            "{here}: {} could not be compared with {there}: {}",
            unknown.join(", "),
            absence(reference, other),
        ));
    }
    Ok(notes)
}

fn absence(reference: Acquired, other: Acquired) -> String {
    let without: Vec<String> = [reference, other]
        .iter()
        .filter(|image| image.sidecar.is_none())
        .map(|image| image.path.display().to_string())
        .collect();
    match without.len() {
        0 => "their JSON sidecars do not both hold them".into(),
        _ => format!("no JSON sidecar beside {}", without.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(tr: f64, te: f64, flip: f64) -> Map<String, Value> {
        [("RepetitionTime", tr), ("EchoTime", te), ("FlipAngle", flip)]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect()
    }

    fn checked(a: Option<&Map<String, Value>>, b: Option<&Map<String, Value>>, allow: bool) -> Result<Vec<String>> {
        let at = |path: &'static str, sidecar| Acquired { path: Path::new(path), sidecar };
        check(at("pre.nii", a), at("post.nii", b), allow)
    }

    #[test]
    fn equal_protocols_pass_without_a_word() {
        let (a, b) = (keys(0.00371, 0.0013, 12.0), keys(0.003_712, 0.0013, 12.0));
        assert!(checked(Some(&a), Some(&b), false).unwrap().is_empty());
    }

    #[test]
    fn each_setting_that_differs_is_refused_and_can_be_allowed() {
        let a = keys(0.00371, 0.0013, 12.0);
        let scaled = |slope: f64| {
            let mut keys = a.clone();
            keys.insert("PhilipsScaleSlope".into(), slope.into());
            keys
        };
        for (a, b, says) in [
            (&a, &keys(0.00471, 0.0013, 12.0), "TR is 0.00471 s, but 0.00371 s in pre.nii"),
            (&a, &keys(0.00371, 0.0026, 12.0), "TE is 0.0026 s, but 0.0013 s"),
            (&a, &keys(0.00371, 0.0013, 25.0), "flip angle is 25°, but 12°"),
            (&scaled(0.02), &scaled(0.03), "scale slope is 0.03, but 0.02"),
        ] {
            let error = checked(Some(a), Some(b), false).unwrap_err();
            assert_eq!(error.exit_status(), 65);
            let text = error.to_string();
            assert!(text.contains(says) && text.contains("post.nii") && text.contains("--allow-mismatch"), "{text}");
            let notes = checked(Some(a), Some(b), true).unwrap();
            assert!(notes.len() == 1 && notes[0].contains(says), "{notes:?}");
        }
    }

    #[test]
    fn what_could_not_be_checked_is_said() {
        let a = keys(0.00371, 0.0013, 12.0);
        let notes = checked(Some(&a), None, false).unwrap();
        assert_eq!(
            notes,
            ["post.nii: TR, TE, flip angle could not be compared with pre.nii: no JSON sidecar beside post.nii"]
        );
        let mut b = a.clone();
        b.remove("EchoTime");
        let notes = checked(Some(&a), Some(&b), false).unwrap();
        assert!(notes[0].contains("TE could not be compared"), "{notes:?}");
    }
}
