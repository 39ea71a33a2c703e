//! The pattern of one phase among all.

use std::collections::BTreeMap;

use super::{Pattern, PhaseSignals, Signal};
use crate::enhance::Role;
use crate::measure::Organ;
use crate::model::Modality;

/// The portal vein's share of the aorta's enhancement: arterial below, portal venous and later above. 0.34 in the
/// phantom's arterial phase; in 19 human examinations at most 0.32 at the aorta's peak, and at least 0.65 35 s later but
/// for one with a destroyed portal curve.
const VENOUS_FROM: f64 = 0.5;
/// The same share up to which the portal vein counts as not yet enhanced: early arterial.
const EARLY_UP_TO: f64 = 0.1;
/// The hepatic veins' share of the portal vein's enhancement, below which blood has not yet come through the liver.
const THROUGH_LIVER_FROM: f64 = 0.25;
/// The aorta's share of its highest enhancement of all phases that an arterial phase has at least.
const ARTERIAL_FROM: f64 = 0.5;
/// The liver's enhancement over the aorta's, from which on the liver keeps the agent: 2.4 to 15 in 19 human
/// examinations 20 min after gadoxetate, at most 1.6 two minutes after it.
const UPTAKE_FROM: f64 = 2.0;
/// The aorta's share of its enhancement in the brightest venous phase, below which a venous phase is a later one.
const LATER_BELOW: f64 = 0.9;
/// Relative enhancement of every organ, up to which a phase is unenhanced.
const UNENHANCED_UP_TO: f64 = 0.1;
/// HU of the aorta up to which a CT is unenhanced: between the 40 of blood and the 100 and more that contrast leaves for
/// minutes [not checked].
const UNENHANCED_AORTA_HU: f64 = 70.0;
/// HU of vessels and organs before contrast, where no phase shows them [not checked].
const BASELINE_HU: Signal = Signal { value: 45.0, standard_error: 5.0 };
/// What phases are judged by: enhancement over the darkest of them.
pub(super) struct Looks<'a> {
    phases: &'a [PhaseSignals],
    modality: Modality,
    /// Enhancement of each organ in each phase.
    rises: Vec<BTreeMap<Organ, Signal>>,
    /// The same over the unenhanced signal; empty in CT.
    relative: Vec<BTreeMap<Organ, f64>>,
    over: String,
}

impl<'a> Looks<'a> {
    pub(super) fn new(modality: Modality, phases: &'a [PhaseSignals]) -> Result<Self, String> {
        if modality == Modality::Mr {
            let declared = phases.iter().any(|phase| phase.role == Role::Unenhanced);
            if !declared || phases.len() < 2 {
                return Err("MR signals tell nothing without an unenhanced phase and another one".into());
            }
        }
        let darkest = darkest(modality, phases).ok_or("no organ is known in all phases")?;
        let shows_baseline = modality == Modality::Mr || aorta_hu(&phases[darkest]).is_some_and(is_unenhanced_ct);
        let before = |organ: &Organ| match shows_baseline {
            true => phases[darkest].organs.get(organ).copied(),
            false => Some(BASELINE_HU),
        };
        let rises = |phase: &PhaseSignals| {
            let rise = |(organ, signal): (&Organ, &Signal)| Some((*organ, signal.minus(before(organ)?)));
            phase.organs.iter().filter_map(rise).collect()
        };
        let relative = |rises: &BTreeMap<Organ, Signal>| match modality {
            Modality::Mr => rises.iter().filter_map(|(o, rise)| Some((*o, rise.value / before(o)?.value))).collect(),
            _ => BTreeMap::new(),
        };
        let rises: Vec<BTreeMap<Organ, Signal>> = phases.iter().map(rises).collect();
        Ok(Self {
            phases,
            modality,
            relative: rises.iter().map(relative).collect(),
            rises,
            over: match shows_baseline {
                true => phases[darkest].label.clone(),
                false => format!("{} HU, since no phase is unenhanced", BASELINE_HU.value),
            },
        })
    }

    fn rise(&self, phase: usize, organ: Organ) -> Option<Signal> {
        self.rises[phase].get(&organ).copied()
    }

    /// Pattern and reason of one phase.
    pub(super) fn describe(&self, i: usize) -> (Option<Pattern>, String) {
        let pattern = self.pattern(i);
        let numbers: Vec<String> = match pattern {
            Ok(Pattern::Unenhanced) if self.modality == Modality::Ct => {
                self.phases[i].organs.iter().map(|(o, s)| format!("{} {:.0} HU", spoken(*o), s.value)).collect()
            }
            _ => self.rises[i].iter().map(|(organ, rise)| self.number(i, *organ, *rise)).collect(),
        };
        let numbers = numbers.join(", ");
        match pattern {
            Ok(Pattern::Unenhanced) if self.modality == Modality::Ct => (pattern.ok(), numbers),
            Ok(pattern) => (Some(pattern), format!("{numbers} over {}", self.over)),
            Err(why) => (None, format!("{why} ({numbers} over {})", self.over)),
        }
    }

    fn number(&self, i: usize, organ: Organ, rise: Signal) -> String {
        match self.relative[i].get(&organ) {
            Some(relative) => format!("{} {:+.0} ({:+.0} %)", spoken(organ), rise.value, 100.0 * relative),
            None => format!("{} {:+.0}", spoken(organ), rise.value),
        }
    }

    fn pattern(&self, i: usize) -> Result<Pattern, &'static str> {
        let aorta = self.rise(i, Organ::Aorta).ok_or("the aorta is not known")?;
        if self.is_unenhanced(i) {
            return Ok(Pattern::Unenhanced);
        }
        if self.keeps_agent(i) {
            return Ok(Pattern::Hepatobiliary);
        }
        if self.may_keep_agent(i) {
            return Err("whether the liver keeps the agent cannot be told within the noise");
        }
        let portal_vein = self.rise(i, Organ::PortalVein).ok_or("the portal vein is not known")?;
        if !aorta.exceeds(Signal { value: 0.0, standard_error: 0.0 }) {
            return Err("organs enhance, but the aorta does not");
        }
        if self.is_venous(i) {
            return Ok(self.which_venous(i, aorta));
        }
        let dark_veins =
            self.rise(i, Organ::HepaticVein).is_some_and(|veins| portal_vein.times(THROUGH_LIVER_FROM).exceeds(veins));
        if !dark_veins && !aorta.times(VENOUS_FROM).exceeds(portal_vein) {
            return Err("arterial and portal phase cannot be told apart within the noise");
        }
        let highest =
            (0..self.rises.len()).filter_map(|j| self.rise(j, Organ::Aorta)).map(|s| s.value).fold(0.0, f64::max);
        if aorta.value < ARTERIAL_FROM * highest {
            return Err("veins are dark as in an arterial phase, but the aorta is far from its peak");
        }
        let begins = portal_vein.exceeds(aorta.times(EARLY_UP_TO));
        Ok(if begins { Pattern::LateArterial } else { Pattern::EarlyArterial })
    }

    fn is_unenhanced(&self, i: usize) -> bool {
        match self.modality {
            Modality::Mr => self.relative[i].values().all(|relative| relative.abs() <= UNENHANCED_UP_TO),
            _ => aorta_hu(&self.phases[i]).is_some_and(is_unenhanced_ct),
        }
    }

    /// Liver brighter than blood, and its enhancement a multiple of the blood's.
    fn keeps_agent(&self, i: usize) -> bool {
        self.liver_and_blood(i).is_some_and(|[liver, aorta]| liver.exceeds(aorta.times(UPTAKE_FROM)))
    }

    /// Whether the noise leaves that open.
    fn may_keep_agent(&self, i: usize) -> bool {
        self.liver_and_blood(i).is_some_and(|[liver, aorta]| !aorta.times(UPTAKE_FROM).exceeds(liver))
    }

    /// Enhancement of liver and aorta in MR, where the liver is the brighter one.
    fn liver_and_blood(&self, i: usize) -> Option<[Signal; 2]> {
        let rises = [self.rise(i, Organ::Liver)?, self.rise(i, Organ::Aorta)?];
        let organs = &self.phases[i].organs;
        let brighter = organs[&Organ::Liver].exceeds(organs[&Organ::Aorta]);
        (self.modality == Modality::Mr && brighter).then_some(rises)
    }

    fn is_venous(&self, i: usize) -> bool {
        let venous = || {
            let [aorta, portal_vein] = [self.rise(i, Organ::Aorta)?, self.rise(i, Organ::PortalVein)?];
            let through =
                self.rise(i, Organ::HepaticVein).is_none_or(|v| !portal_vein.times(THROUGH_LIVER_FROM).exceeds(v));
            Some(portal_vein.exceeds(aorta.times(VENOUS_FROM)) && through)
        };
        !self.is_unenhanced(i) && !self.may_keep_agent(i) && venous().unwrap_or(false)
    }

    /// The venous phase with the brightest aorta is portal, unless it is the only one or another is as bright.
    fn which_venous(&self, i: usize, aorta: Signal) -> Pattern {
        let others = (0..self.rises.len()).filter(|&j| j != i && self.is_venous(j));
        let others: Vec<Signal> = others.filter_map(|j| self.rise(j, Organ::Aorta)).collect();
        let later_than = |a: Signal, b: Signal| b.times(LATER_BELOW).exceeds(a);
        if others.iter().any(|&other| later_than(aorta, other)) {
            Pattern::Delayed
        } else if !others.is_empty() && others.iter().all(|&other| later_than(other, aorta)) {
            Pattern::Portal
        } else {
            Pattern::PortalOrLater
        }
    }
}

/// The phase in which the organs that are known in all phases are darkest together: by the product of their signals, to
/// which each organ counts the same, or by their sum in CT, where signals can be below 0.
fn darkest(modality: Modality, phases: &[PhaseSignals]) -> Option<usize> {
    let known = |organ: &&Organ| phases.iter().all(|phase| phase.organs.contains_key(organ));
    let organs: Vec<&Organ> = phases.first()?.organs.keys().filter(known).collect();
    let brightness = |phase: &PhaseSignals| -> f64 {
        let signals = organs.iter().map(|organ| phase.organs[organ].value);
        match modality {
            Modality::Mr => signals.map(|s| s.max(f64::MIN_POSITIVE).ln()).sum(),
            _ => signals.sum(),
        }
    };
    let darker = |&a: &usize, &b: &usize| brightness(&phases[a]).total_cmp(&brightness(&phases[b]));
    (0..phases.len()).min_by(darker).filter(|_| !organs.is_empty())
}

fn aorta_hu(phase: &PhaseSignals) -> Option<f64> {
    phase.organs.get(&Organ::Aorta).map(|aorta| aorta.value)
}

fn is_unenhanced_ct(aorta_hu: f64) -> bool {
    aorta_hu <= UNENHANCED_AORTA_HU
}

fn spoken(organ: Organ) -> String {
    organ.name().replace('_', " ")
}
