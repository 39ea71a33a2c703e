//! Iodine in CT at several energies.

use std::path::Path;

use crate::Result;
use crate::model::SignalModel;
use crate::volume::axes::AxisSource;

/// The model's name.
pub(super) const MODEL: &str = "unmix_iodine";
/// Its maps that are written: amounts by their names and in their units, not the fit's own.
pub(super) const WRITTEN: [&str; 7] =
    ["iodine", "virtual_unenhanced", "iodine_se", "virtual_unenhanced_se", "rmse", "R2", "status"];

/// Unmixing of iodine and what it is in: the model `unmix2` with names and units of CT.
///
/// # Errors
/// Those of [`SignalModel::parse`].
pub(super) fn model() -> Result<SignalModel> {
    SignalModel::parse(MODEL, include_str!("iodine.toml"), Path::new("iodine.toml"))
}

/// Its axes, by the HU of 1 mg/ml of iodine at each energy.
pub(super) fn axes(hu_per_mg_ml: &[f64]) -> Vec<(&'static str, AxisSource)> {
    let same = vec![1.0; hu_per_mg_ml.len()];
    vec![("iodine_hu", AxisSource::List(hu_per_mg_ml.to_vec())), ("tissue_hu", AxisSource::List(same))]
}
