//! The contrast agent, and which phase may serve which quantity with it.

use serde::{Deserialize, Serialize};

use super::phase::Role;
use crate::model::Modality;

/// The contrast agent, which decides what a late phase means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Agent {
    /// Extracellular gadolinium.
    Extracellular,
    /// Gadoxetate: hepatocytes take it up from about a minute on.
    Gadoxetate,
    /// Gadobenate: extracellular at first, hepatobiliary after an hour.
    Gadobenate,
    /// Iodine: CT, in HU.
    Iodinated,
}

/// What a phase can be asked to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Difference from the unenhanced phase.
    Subtraction,
    /// The same in per cent of the unenhanced signal.
    RelativeEnhancement,
    /// Peak, time to peak, wash-in, area and curve type.
    Curve,
    /// The later phase of the signal loss after the arterial phase.
    WashOut,
}

impl Agent {
    /// Whether a phase may serve a quantity with this agent.
    ///
    /// After the portal phase gadoxetate darkens or brightens a lesion against a liver that takes it up, so nothing
    /// later enters wash-out or the curve. For the other agents the hepatobiliary phase is left out of both. In CT a
    /// percentage of HU, whose zero is water, has no meaning.
    pub fn admits(self, quantity: Quantity, role: Role) -> bool {
        let after_contrast = role != Role::Unenhanced;
        match quantity {
            Quantity::Subtraction => after_contrast,
            Quantity::RelativeEnhancement => after_contrast && self != Self::Iodinated,
            Quantity::Curve if self == Self::Gadoxetate => role <= Role::Portal,
            Quantity::Curve => role != Role::Hepatobiliary,
            Quantity::WashOut if self == Self::Gadoxetate => role == Role::Portal,
            Quantity::WashOut => matches!(role, Role::Portal | Role::Delayed),
        }
    }

    /// Seconds after injection from which on no frame of a series enters the curve: when what [`Agent::admits`] leaves
    /// out begins, the transitional phase of gadoxetate at 2 min and the hepatobiliary one of gadobenate at 1 h.
    pub fn curve_ends_before_s(self) -> Option<f64> {
        match self {
            Self::Gadoxetate => Some(120.0),
            Self::Gadobenate => Some(3600.0),
            Self::Extracellular | Self::Iodinated => None,
        }
    }

    /// What images of this agent are made by.
    pub fn modality(self) -> Modality {
        match self {
            Self::Iodinated => Modality::Ct,
            _ => Modality::Mr,
        }
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Extracellular => "extracellular",
            Self::Gadoxetate => "gadoxetate",
            Self::Gadobenate => "gadobenate",
            Self::Iodinated => "iodinated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every agent's rule, role by role, against the definitions written out: C curve, W wash-out, R relative enhancement.
    #[test]
    fn each_agent_admits_what_it_should() {
        let rules = [
            (Agent::Extracellular, ["C", "CR", "CR", "CWR", "CR", "CWR", "CR", "R"]),
            (Agent::Gadobenate, ["C", "CR", "CR", "CWR", "CR", "CWR", "CR", "R"]),
            (Agent::Gadoxetate, ["C", "CR", "CR", "CWR", "R", "R", "R", "R"]),
            (Agent::Iodinated, ["C", "C", "C", "CW", "C", "CW", "C", ""]),
        ];
        for (agent, per_role) in rules {
            for (role, letters) in Role::ALL.into_iter().zip(per_role) {
                for (quantity, letter) in
                    [(Quantity::Curve, 'C'), (Quantity::WashOut, 'W'), (Quantity::RelativeEnhancement, 'R')]
                {
                    let got = agent.admits(quantity, role);
                    assert_eq!(got, letters.contains(letter), "{agent:?} {role} {quantity:?}");
                }
                assert_eq!(agent.admits(Quantity::Subtraction, role), role != Role::Unenhanced);
            }
        }
    }
}
