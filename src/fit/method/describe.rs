//! What a sidecar says of a method.

use serde_json::{Map, Value, json};

use crate::fit::FitMethod;
use crate::fit::robust::{BIWEIGHT, DISCOUNTED, HUBER};

impl FitMethod {
    /// What a sidecar says of the method.
    pub fn describe(&self) -> Map<String, Value> {
        let mut keys = Map::new();
        keys.insert("model".into(), self.model().into());
        keys.insert("method".into(), self.name().into());
        let pairs = |list: &[(String, f64)]| {
            list.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>()
        };
        match self {
            Self::Adc(options) => {
                keys.insert("bad_samples".into(), options.bad_samples.name().into());
                keys.insert("max_iterations".into(), options.max_iterations.into());
            }
            Self::Segmented(options) => {
                keys.insert("segmented_threshold_s_per_mm2".into(), options.threshold_s_per_mm2.into());
                for (name, bounds) in
                    [("D", options.d_bounds), ("f", options.f_bounds), ("Dstar", options.dstar_bounds)]
                {
                    keys.insert(format!("{name}_bounds"), json!(bounds));
                }
                keys.insert("plain_reweightings".into(), json!(options.plain_reweightings));
                keys.insert("bad_samples".into(), options.bad_samples.name().into());
                keys.insert("max_iterations".into(), options.max_iterations.into());
            }
            Self::Nlls { model, options, force } => {
                keys.insert("signal".into(), model.signal.text.clone().into());
                keys.insert("reference".into(), model.reference.clone().into());
                keys.insert("fixed".into(), Value::Object(pairs(&options.fixed)));
                let bounds = options.bounds.iter().map(|(name, bounds)| (name.clone(), json!(bounds)));
                keys.insert("bounds_given".into(), Value::Object(bounds.collect()));
                keys.insert("start_given".into(), Value::Object(pairs(&options.start)));
                keys.insert("noise".into(), options.noise.name().into());
                keys.insert("protocol_forced".into(), (*force).into());
                keys.insert("max_iterations".into(), options.max_iterations.into());
            }
            Self::Robust(method) => {
                keys = method.describe();
                let robust = json!({"huber": HUBER, "biweight": BIWEIGHT, "discounted_below": DISCOUNTED});
                keys.insert("robust".into(), robust);
            }
            Self::Spectrum(options) => {
                keys.insert("range_mm2_per_s".into(), json!(options.range));
                keys.insert("bins".into(), options.n_bins.into());
                keys.insert("regularisation".into(), options.regularisation.to_string().into());
                let peaks = options.peaks.iter().map(|peak| (peak.name.clone(), json!(peak.range)));
                keys.insert("peaks_mm2_per_s".into(), Value::Object(peaks.collect()));
                keys.insert("least_peak".into(), options.least_peak.into());
            }
        }
        keys.insert("residual".into(), self.noise().residual().into());
        keys
    }
}
