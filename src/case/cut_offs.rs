//! What others have published, beside the values of lesions: never a class.

use super::lesions::Row;
use crate::enhance::Agent;
use crate::measure::criteria::{Criterion, Kind, applicable};
use crate::model::Modality;

/// What is published about a quantity of a lesion, at a field strength; empty where nothing is.
///
/// None are those of later phases of other agents beside phases after the portal one with gadoxetate.
pub(super) fn beside(row: &Row, agent: Option<Agent>, field_t: Option<f64>) -> String {
    let is_later = ["transitional", "delayed", "equilibrium"].iter().any(|role| row.phase.starts_with(role));
    if row.part == "dynamic" && agent == Some(Agent::Gadoxetate) && is_later {
        return String::new();
    }
    let modality = if row.part == "ct" || row.part.starts_with("iodine") { Modality::Ct } else { Modality::Mr };
    let quantity = match (row.quantity.as_str(), modality) {
        (super::SIGNAL, Modality::Ct) => "HU",
        (quantity, _) => quantity.strip_suffix("_mean").unwrap_or(quantity),
    };
    let phase = Some(row.phase.as_str()).filter(|phase| !phase.is_empty());
    let published = applicable(quantity, modality, field_t, phase);
    let shown = published.into_iter().filter(|criterion| criterion.kind != Kind::Calibration);
    shown.map(Criterion::text).collect::<Vec<_>>().join("; ")
}
