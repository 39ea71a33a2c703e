//! IVIM of the tissues of the community's reference, whose signals have little noise: the truth, as far as it allows.

use std::path::Path;

use hepar::device::Precision;
use hepar::fit::nlls::NllsOptions;
use hepar::model::SignalModel;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use super::{cpu, fit, support};
use crate::segmented::reference::B;

/// Relative distance from the truth that the signals' noise allows.
const D: f64 = 0.01;
const F: f64 = 0.025;
const DSTAR: f64 = 0.035;
/// Of the pericardium's f, which is small.
const F_OF_PERICARDIUM: f64 = 0.07;

pub fn trials() -> Vec<Trial> {
    vec![support::with_data("nlls_ivim_of_tissues_as_they_were_simulated", |data| as_simulated(&data))]
}

fn as_simulated(data: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(data.join("../reference/osipi_ivim/generic.json"))?;
    let Value::Object(all) = serde_json::from_str(&text)? else { return Err("no object".into()) };
    let tissues: Vec<(&String, &Value)> = all.iter().filter(|(_, tissue)| tissue["data"].is_array()).collect();
    assert_eq!(tissues.len(), 14);
    let signal = |(_, tissue): &(&String, &Value)| -> Result<Vec<f64>, serde_json::Error> {
        serde_json::from_value(tissue["data"].clone())
    };
    let signals = tissues.iter().map(signal).collect::<Result<Vec<_>, _>>()?;
    let model = SignalModel::builtin("ivim")?;
    for precision in [Precision::F64, Precision::F32] {
        let maps = fit(&cpu(precision), model, &[B.to_vec()], &NllsOptions::default(), &signals)?;
        for (v, (name, tissue)) in tissues.iter().enumerate() {
            let f = if name.to_lowercase().contains("pericardium") { F_OF_PERICARDIUM } else { F };
            for (parameter, truth, most) in [("D", "D", D), ("f", "f", f), ("Dstar", "Dp", DSTAR)] {
                let truth = tissue[truth].as_f64().ok_or("no truth")?;
                let off = |value: f64| (value / truth - 1.0).abs();
                let found = maps[parameter][v];
                assert!(off(found) <= most, "{name}: {parameter} is {found}, its truth {truth}");
                assert!(off(found * 1.15) > most, "15 % must be noticed");
            }
        }
    }
    Ok(())
}
