//! The phases of a contrast examination: their roles and times.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::agent::{Agent, Quantity};
use crate::{Error, Result};

/// What a phase is to the examination, in the order of time. No role is ever inferred from an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Before contrast: S0.
    Unenhanced,
    /// Hepatic arteries filled, portal vein not yet.
    EarlyArterial,
    /// Late arterial, about 30 to 35 s; several are allowed.
    Arterial,
    /// Portal venous, about 65 to 70 s.
    Portal,
    /// 2 to 5 min after gadoxetate, which hepatocytes already take up.
    Transitional,
    /// 2 to 5 min after any other agent.
    Delayed,
    /// About 10 min.
    Equilibrium,
    /// 10 to 20 min after gadoxetate, 1 to 2 h after gadobenate.
    Hepatobiliary,
}

impl Role {
    /// All roles, in the order of time.
    pub const ALL: [Self; 8] = [
        Self::Unenhanced,
        Self::EarlyArterial,
        Self::Arterial,
        Self::Portal,
        Self::Transitional,
        Self::Delayed,
        Self::Equilibrium,
        Self::Hepatobiliary,
    ];

    /// The name on the command line and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unenhanced => "unenhanced",
            Self::EarlyArterial => "early_arterial",
            Self::Arterial => "arterial",
            Self::Portal => "portal",
            Self::Transitional => "transitional",
            Self::Delayed => "delayed",
            Self::Equilibrium => "equilibrium",
            Self::Hepatobiliary => "hepatobiliary",
        }
    }

    /// Whether hepatic arteries are filled and hepatic veins are not.
    pub fn is_arterial(self) -> bool {
        matches!(self, Self::EarlyArterial | Self::Arterial)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One phase as the command line gives it: `ROLE=FILE[@SECONDS]`.
///
/// The role ends at the first `=`; what follows the last `@` is a time if it is a number. A file whose own name ends
/// in `@NUMBER` needs a time after it.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseArg {
    /// Role, in kebab or snake case on the command line.
    pub role: Role,
    /// The image.
    pub path: PathBuf,
    /// Seconds after injection.
    pub seconds: Option<f64>,
}

impl FromStr for PhaseArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (role, rest) = text.split_once('=').ok_or_else(|| format!("`{text}` is not ROLE=FILE[@SECONDS]"))?;
        let wanted = role.replace('-', "_");
        let role = Role::ALL
            .into_iter()
            .find(|r| r.name() == wanted)
            .ok_or_else(|| format!("no role `{role}`; roles are {}", names(&Role::ALL)))?;
        let (path, seconds) = match rest.rsplit_once('@').map(|(path, t)| (path, number(t))) {
            Some((path, Some(seconds))) => (path, Some(seconds)),
            _ => (rest, None),
        };
        match path {
            "" => Err(format!("`{text}` names no file")),
            path => Ok(Self { role, path: path.into(), seconds }),
        }
    }
}

/// A finite number as a person writes it; `nan` and `inf` are parts of file names.
fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|x: &f64| x.is_finite())
}

fn names(roles: &[Role]) -> String {
    roles.iter().map(|r| r.name()).collect::<Vec<_>>().join(", ")
}

/// One phase of a checked examination.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Phase {
    /// What it is.
    pub role: Role,
    /// Its name in file names: the role, numbered where a role occurs more than once.
    pub label: String,
    /// Seconds after injection.
    pub seconds: Option<f64>,
    /// The image; not written to outputs, since file names can carry patients' names.
    #[serde(skip)]
    pub path: PathBuf,
}

/// The phases of one examination in the order of time; the first is unenhanced.
#[derive(Debug, Clone, PartialEq)]
pub struct Phases {
    /// What was injected.
    pub agent: Agent,
    /// Unenhanced first, then at least one phase after contrast.
    pub phases: Vec<Phase>,
}

impl Phases {
    /// Orders phases by role and checks them: one unenhanced, no role twice but `arterial`, times that increase.
    pub fn new(agent: Agent, mut args: Vec<PhaseArg>) -> Result<Self> {
        args.sort_by_key(|arg| arg.role);
        check_roles(agent, &args)?;
        check_times(&args)?;
        let labels = labels(&args.iter().map(|arg| arg.role).collect::<Vec<_>>());
        let phase =
            |(arg, label): (PhaseArg, String)| Phase { role: arg.role, label, seconds: arg.seconds, path: arg.path };
        Ok(Self { agent, phases: args.into_iter().zip(labels).map(phase).collect() })
    }

    /// Indices of the phases that may serve a quantity.
    pub fn serving(&self, quantity: Quantity) -> Vec<usize> {
        let admitted = |&i: &usize| self.agent.admits(quantity, self.phases[i].role);
        (0..self.phases.len()).filter(admitted).collect()
    }

    /// The phase that is Sa of the signal loss: the last `arterial`, so that of several the one nearest the portal.
    pub fn arterial(&self) -> Option<usize> {
        self.phases.iter().rposition(|p| p.role == Role::Arterial)
    }

    /// Whether a curve over these phases has an early part (an arterial phase) and a late one (portal or later).
    pub fn has_early_and_late(&self) -> bool {
        let curve = self.serving(Quantity::Curve);
        let any = |wanted: fn(Role) -> bool| curve.iter().any(|&i| wanted(self.phases[i].role));
        any(Role::is_arterial) && any(|role| role >= Role::Portal)
    }
}

/// What phases of these roles, in order, are called in file names: the role, numbered where it occurs more than once.
pub(crate) fn labels(roles: &[Role]) -> Vec<String> {
    let count = |role: Role| roles.iter().filter(|&&other| other == role).count();
    let first = |role: Role| roles.iter().position(|&other| other == role).unwrap_or(0);
    let label = |(i, &role): (usize, &Role)| match count(role) {
        1 => role.to_string(),
        _ => format!("{role}_{}", i - first(role) + 1),
    };
    roles.iter().enumerate().map(label).collect()
}

fn check_roles(agent: Agent, args: &[PhaseArg]) -> Result<()> {
    let has = |role| args.iter().any(|arg| arg.role == role);
    if !has(Role::Unenhanced) {
        return Err(Error::Usage(
            "no unenhanced phase: without S0 no subtraction, relative enhancement, peak, time to peak, wash-in slope, \
             signal loss, area or curve type can be computed\n  remedy: give --phase unenhanced=FILE; two phases after \
             contrast can still be compared with each other by `hepar subtract LATER EARLIER`"
                .into(),
        ));
    }
    if args.len() < 2 {
        return Err(Error::Usage(
            "only the unenhanced phase was given: there is nothing to compare it with\n  remedy: give a phase after \
             contrast, such as --phase arterial=FILE@SECONDS"
                .into(),
        ));
    }
    if let Some(pair) = args.windows(2).find(|p| p[0].role == p[1].role && p[0].role != Role::Arterial) {
        return Err(Error::Usage(format!(
            "the role {} was given twice: {} and {}\n  remedy: give it once; only `arterial` may be repeated",
            pair[0].role,
            pair[0].path.display(),
            pair[1].path.display(),
        )));
    }
    if agent != Agent::Gadoxetate && has(Role::Transitional) {
        return Err(Error::Usage(format!(
            "`transitional` is the phase 2 to 5 min after gadoxetate, but the agent is {}\n  remedy: name it `delayed`, \
             or give --agent gadoxetate",
            agent.name(),
        )));
    }
    Ok(())
}

fn check_times(args: &[PhaseArg]) -> Result<()> {
    let timed: Vec<(&PhaseArg, f64)> = args.iter().filter_map(|a| Some((a, a.seconds?))).collect();
    for &(arg, seconds) in &timed {
        let (wrong, limit) = match arg.role {
            Role::Unenhanced => (seconds > 0.0, "at most 0"),
            _ => (seconds <= 0.0, "above 0"),
        };
        if wrong {
            return Err(Error::Usage(format!(
                "{}: {} is {seconds} s after injection; it must be {limit}\n  remedy: give seconds after the start of \
                 injection",
                arg.path.display(),
                arg.role,
            )));
        }
    }
    match timed.windows(2).find(|pair| pair[0].1 >= pair[1].1) {
        None => Ok(()),
        Some(pair) => Err(Error::Usage(format!(
            "times do not increase: {} at {} s ({}) comes before {} at {} s ({})\n  remedy: check roles and times; \
             several arterial phases are given in the order of time",
            pair[0].0.role,
            pair[0].1,
            pair[0].0.path.display(),
            pair[1].0.role,
            pair[1].1,
            pair[1].0.path.display(),
        ))),
    }
}

#[cfg(test)]
#[path = "phase_tests.rs"]
mod tests;
