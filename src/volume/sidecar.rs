//! What is known of an image beyond its voxels: the JSON beside it, as dcm2niix and BIDS write it.

use std::path::Path;

use serde_json::{Map, Value};

use super::beside::{beside, read_text};
use crate::{Error, Result};

/// Keys that hold one number.
const NUMBERS: [&str; 9] = [
    "EchoTime1",
    "EchoTime2",
    "EchoNumber",
    "MagneticFieldStrength",
    "SliceThickness",
    "SpacingBetweenSlices",
    "PhilipsRescaleSlope",
    "PhilipsRescaleIntercept",
    "PhilipsScaleSlope",
];

/// Keys that hold one number, or one for each volume.
const NUMBERS_OR_ARRAYS: [&str; 4] = ["RepetitionTime", "EchoTime", "FlipAngle", "InversionTime"];

/// Keys that hold something else: b-values in any of their shapes, and codes that are no free text.
const OTHERS: [&str; 10] = [
    "AcquisitionTime",
    "bval",
    "bvals",
    "bvalue",
    "bvalues",
    "DiffusionBValue",
    "ImageType",
    "ScanningSequence",
    "SequenceVariant",
    "UsePhilipsFloatNotDisplayScaling",
];

/// The keys of a JSON sidecar that are allowed in: none that could hold a person's name, a date or free text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sidecar {
    keys: Map<String, Value>,
    remarks: Vec<String>,
}

/// Reads the JSON beside `image` (`x.nii.gz` → `x.json`), if there is one.
///
/// # Errors
/// [`Error::Data`] if it is not a JSON object.
pub fn read_sidecar(image: &Path) -> Result<Option<Sidecar>> {
    let path = beside(image, ".json");
    if path.is_file() { Sidecar::read(&path).map(Some) } else { Ok(None) }
}

impl Sidecar {
    /// Reads a JSON object and keeps the keys on the allow-list.
    pub fn read(path: &Path) -> Result<Self> {
        let bad = |problem| Error::data(path, problem, "mend the file, or move it away");
        let json: Value =
            serde_json::from_str(&read_text(path)?).map_err(|e| bad(format!("is not valid JSON: {e}")))?;
        let Value::Object(mut keys) = json else {
            return Err(bad("is not a JSON object".to_owned()));
        };
        let mut remarks = Vec::new();
        keys.retain(|key, value| {
            let key = key.as_str();
            let may_be_array = NUMBERS_OR_ARRAYS.contains(&key);
            let numbers = |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_number));
            let is_good = value.is_number() || (may_be_array && numbers(value));
            let is_number = may_be_array || NUMBERS.contains(&key);
            if is_number && !is_good {
                remarks.push(format!("{}: {key} is not a number: it is not used", path.display()));
                tracing::warn!("{}", remarks[remarks.len() - 1]);
            }
            (is_number && is_good) || OTHERS.contains(&key)
        });
        Ok(Self { keys, remarks })
    }

    /// The value of a key, if it is there and on the allow-list.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.keys.get(key)
    }

    /// All keys.
    pub fn keys(&self) -> &Map<String, Value> {
        &self.keys
    }

    /// Doubts about it, which were logged when it was read.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Repetition time in s.
    pub fn repetition_time_s(&self) -> Option<f64> {
        self.number("RepetitionTime")
    }

    /// Echo time in s.
    pub fn echo_time_s(&self) -> Option<f64> {
        self.number("EchoTime")
    }

    /// Inversion time in s.
    pub fn inversion_time_s(&self) -> Option<f64> {
        self.number("InversionTime")
    }

    /// Flip angle in degrees.
    pub fn flip_angle_deg(&self) -> Option<f64> {
        self.number("FlipAngle")
    }

    /// Main field in tesla.
    pub fn field_strength_t(&self) -> Option<f64> {
        self.number("MagneticFieldStrength")
    }

    /// When the acquisition began, in s after midnight: a time of day without a date, as dcm2niix writes it.
    pub fn acquisition_time_s(&self) -> Option<f64> {
        let text = self.get("AcquisitionTime")?.as_str()?;
        let parts: Vec<f64> = text.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
        match parts[..] {
            [h, m, s] if (0.0..24.0).contains(&h) && (0.0..60.0).contains(&m) && (0.0..60.0).contains(&s) => {
                Some(3600.0 * h + 60.0 * m + s)
            }
            _ => None,
        }
    }

    /// Philips' scale slope: signals with different ones are in different units.
    pub fn philips_scale_slope(&self) -> Option<f64> {
        self.number("PhilipsScaleSlope")
    }

    /// Whether the scanner computed this image as an ADC map (`ImageType` holds `ADC`).
    pub fn is_adc_map(&self) -> bool {
        let codes = self.get("ImageType").and_then(Value::as_array);
        codes.is_some_and(|codes| codes.iter().any(|code| code == "ADC"))
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.get(key).and_then(Value::as_f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sidecar(text: &str) -> Result<Option<Sidecar>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.json"), text).unwrap();
        read_sidecar(&folder.path().join("x.nii.gz"))
    }

    #[test]
    fn only_listed_keys_come_in() {
        let text = r#"{"PatientName": "Doe^Jane", "SeriesDescription": "Jane liver", "EchoTime": 0.0012,
            "RepetitionTime": 0.0037, "FlipAngle": 12, "AcquisitionDateTime": "2020-01-01T10:00:00",
            "AcquisitionTime": "10:00:02.50", "InversionTime": "long", "ImageType": ["DERIVED", "PRIMARY", "ADC"]}"#;
        let sidecar = sidecar(text).unwrap().unwrap();
        let keys: Vec<_> = sidecar.keys().keys().map(String::as_str).collect();
        assert_eq!(keys, ["EchoTime", "RepetitionTime", "FlipAngle", "AcquisitionTime", "ImageType"]);
        assert_eq!(sidecar.acquisition_time_s(), Some(36_002.5));
        assert_eq!(sidecar.echo_time_s(), Some(0.0012));
        assert_eq!(sidecar.repetition_time_s(), Some(0.0037));
        assert_eq!(sidecar.flip_angle_deg(), Some(12.0));
        assert_eq!(sidecar.inversion_time_s(), None);
        assert!(sidecar.is_adc_map());
    }

    #[test]
    fn no_file_is_no_sidecar_and_a_broken_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let none = read_sidecar(&folder.path().join("x.nii.gz")).unwrap();
        assert_eq!(none, None);
        for text in ["{", "[1, 2]", "\"bval\""] {
            assert_eq!(sidecar(text).unwrap_err().exit_status(), 65, "{text}");
        }
    }
}
