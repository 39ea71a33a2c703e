use super::*;
use crate::simulate::{Phantom, Spec, liver_phantom};

fn phase(role: Role, signals: &[(Organ, f64)], standard_error: f64) -> PhaseSignals {
    let organs = signals.iter().map(|&(organ, value)| (organ, Signal { value, standard_error })).collect();
    PhaseSignals { label: role.name().into(), role, organs }
}

/// Roles and signals of the phantom's phases, as its labels give them.
fn phantom_phases(phantom: &Phantom) -> Vec<PhaseSignals> {
    let names = phantom.regions.iter().map(|region| (region.label, region.name.clone())).collect();
    let (anatomy, regions) = (Anatomy::from_names(&names), Regions::new(&phantom.labels));
    let of = |p: &crate::simulate::DynamicPhase| {
        let values: Vec<f32> = p.voxels.iter().map(|&v| v.into()).collect();
        let role = *Role::ALL.iter().find(|role| role.name() == p.phase.role).unwrap();
        PhaseSignals::measured(role.name(), role, &values, &regions, &anatomy)
    };
    let phases: Vec<PhaseSignals> = phantom.phases.iter().map(of).collect();
    assert!(phases.iter().all(|phase| phase.organs.len() == TELLING.len()));
    phases
}

fn swapped(phases: &[PhaseSignals], a: usize, b: usize) -> Vec<PhaseSignals> {
    let mut swapped = phases.to_vec();
    swapped[a].organs = phases[b].organs.clone();
    swapped[b].organs = phases[a].organs.clone();
    swapped
}

/// Every phase is what it was given as, and both of any two that change places are named, none of the others.
fn holds_and_catches_every_swap(agent: Agent, phases: &[PhaseSignals], expected: &[Pattern]) {
    let found = patterns(agent, phases);
    for (finding, pattern) in found.iter().zip(expected) {
        println!("{}: {:?}: {}", finding.label, finding.pattern, finding.why);
        assert_eq!((finding.pattern, finding.agrees), (Some(*pattern), Some(true)), "{finding:?}");
        assert_eq!(finding.warning(), None);
    }
    for a in 0..phases.len() {
        for b in 0..a {
            for (i, finding) in patterns(agent, &swapped(phases, a, b)).iter().enumerate() {
                assert_eq!(finding.warning().is_some(), i == a || i == b, "{a} and {b} swapped: {finding:?}");
            }
        }
    }
}

#[test]
fn the_phantom_is_what_it_is_and_every_swap_is_caught() {
    let expected = [Pattern::Unenhanced, Pattern::LateArterial, Pattern::Portal, Pattern::Delayed];
    for seed in 0..3 {
        let phantom = liver_phantom(&Spec::liver().unwrap(), Agent::Extracellular, seed).unwrap();
        let phases = phantom_phases(&phantom);
        holds_and_catches_every_swap(Agent::Extracellular, &phases, &expected);
        // Without the labels that are only helpful.
        let mut fewer = phases.clone();
        fewer.iter_mut().for_each(|p| p.organs.retain(|organ, _| [Organ::Aorta, Organ::PortalVein].contains(organ)));
        holds_and_catches_every_swap(Agent::Extracellular, &fewer, &expected);
    }
}

/// Spoiled gradient echo, TR 4 ms, 12°, T1 of liver 809, blood 1932 and spleen 1328 ms at 3 T, by hand with the rises
/// of R1 (1/s) of a gadoxetate examination. The standard error is 1 % of the liver.
fn gadoxetate() -> Vec<PhaseSignals> {
    let signal = |t1_ms: f64, rise: f64| {
        let e1 = (-4.0 * (1.0 / t1_ms + rise / 1000.0)).exp();
        let (sin, cos) = 12f64.to_radians().sin_cos();
        1e4 * sin * (1.0 - e1) / (1.0 - e1 * cos)
    };
    let phases = [
        (Role::Unenhanced, [0.0, 0.0, 0.0, 0.0, 0.0]),
        (Role::Arterial, [8.0, 1.0, 0.2, 2.0, 0.0]),
        (Role::Portal, [3.0, 3.0, 1.0, 1.5, 2.3]),
        (Role::Transitional, [1.6, 1.6, 1.6, 0.9, 1.6]),
        (Role::Hepatobiliary, [0.3, 0.3, 2.4, 0.2, 0.3]),
    ];
    let t1_ms = [1932.0, 1932.0, 809.0, 1328.0, 1932.0];
    let of = |(role, rises): (Role, [f64; 5])| {
        let signals: Vec<_> = (0..5).map(|i| (TELLING[i], signal(t1_ms[i], rises[i]))).collect();
        phase(role, &signals, 0.01 * signal(809.0, 0.0))
    };
    phases.map(of).to_vec()
}

#[test]
fn gadoxetate_is_what_it_is_and_every_swap_is_caught() {
    let expected =
        [Pattern::Unenhanced, Pattern::LateArterial, Pattern::Portal, Pattern::Delayed, Pattern::Hepatobiliary];
    holds_and_catches_every_swap(Agent::Gadoxetate, &gadoxetate(), &expected);
}

#[test]
fn a_wrong_agent_shows_in_the_last_phase() {
    let mut phases = gadoxetate();
    phases[3].role = Role::Delayed;
    (phases[4].role, phases[4].label) = (Role::Equilibrium, "last".into());
    let found = patterns(Agent::Extracellular, &phases);
    assert!(found[..4].iter().all(|f| f.agrees == Some(true)), "{found:?}");
    let warning = found[4].warning().unwrap();
    assert!(warning.starts_with("last: given as equilibrium, looks hepatobiliary: liver +"), "{warning}");
    assert!(warning.contains("over unenhanced; check roles, files and agent"), "{warning}");
    // An extracellular agent that was taken for gadoxetate.
    let mut phases = phantom_phases(&liver_phantom(&Spec::liver().unwrap(), Agent::Extracellular, 0).unwrap());
    phases[3].role = Role::Hepatobiliary;
    assert_eq!(patterns(Agent::Gadoxetate, &phases)[3].agrees, Some(false));
}

#[test]
fn what_signals_do_not_tell_is_left_open() {
    let all = phantom_phases(&liver_phantom(&Spec::liver().unwrap(), Agent::Extracellular, 0).unwrap());
    // MR of one phase, or without the unenhanced one.
    for phases in [&all[..1], &all[1..]] {
        for finding in patterns(Agent::Extracellular, phases) {
            assert_eq!((finding.pattern, finding.agrees), (None, None));
            assert!(finding.why.contains("without an unenhanced phase"), "{}", finding.why);
        }
    }
    // One venous phase is portal or later, whatever it is called; delayed and equilibrium alone are in order.
    for role in [Role::Portal, Role::Delayed, Role::Equilibrium] {
        let mut phases = vec![all[0].clone(), all[1].clone(), all[3].clone()];
        phases[2].role = role;
        let found = &patterns(Agent::Extracellular, &phases)[2];
        assert_eq!((found.pattern, found.agrees), (Some(Pattern::PortalOrLater), None), "{role}");
    }
    let mut later = vec![all[0].clone(), all[2].clone(), all[3].clone()];
    later[1].role = Role::Delayed;
    later[2].role = Role::Equilibrium;
    assert!(patterns(Agent::Extracellular, &later).iter().all(|f| f.agrees != Some(false)));
    // No portal vein, and noise that covers everything.
    let mut blind = all.clone();
    blind.iter_mut().for_each(|p| p.organs.retain(|organ, _| *organ != Organ::PortalVein));
    assert_eq!(patterns(Agent::Extracellular, &blind)[1].pattern, None);
    let mut noisy = all.clone();
    noisy.iter_mut().flat_map(|p| p.organs.values_mut()).for_each(|s| s.standard_error = 1e4);
    assert!(patterns(Agent::Extracellular, &noisy)[1..].iter().all(|f| f.pattern.is_none()));
    assert!(patterns(Agent::Extracellular, &[]).is_empty());
}

#[test]
fn arterial_phases_are_early_or_late() {
    let of = |role, aorta, portal, veins| {
        let signals = [(Organ::Aorta, aorta), (Organ::PortalVein, portal), (Organ::HepaticVein, veins)];
        phase(role, &signals, 2.0)
    };
    let before = of(Role::Unenhanced, 100.0, 100.0, 100.0);
    let one =
        |portal, veins| patterns(Agent::Extracellular, &[before.clone(), of(Role::Arterial, 900.0, portal, veins)]);
    let pattern = |found: Vec<Finding>| (found[1].pattern.unwrap(), found[1].agrees);
    assert_eq!(pattern(one(110.0, 100.0)), (Pattern::EarlyArterial, Some(false)));
    assert_eq!(pattern(one(300.0, 100.0)), (Pattern::LateArterial, Some(true)));
    // The portal vein is bright, but nothing has come through the liver: still late arterial.
    assert_eq!(pattern(one(700.0, 110.0)), (Pattern::LateArterial, Some(true)));
    assert_eq!(pattern(one(700.0, 600.0)), (Pattern::PortalOrLater, Some(false)));
    // Of two arterial phases the first may be early.
    let first = of(Role::Arterial, 900.0, 110.0, 100.0);
    let found = patterns(Agent::Extracellular, &[before.clone(), first, of(Role::Arterial, 800.0, 300.0, 100.0)]);
    assert_eq!((found[1].agrees, found[2].agrees), (None, Some(true)));
}

#[test]
fn ct_has_an_absolute_scale() {
    let ct = |role, aorta, portal, liver| {
        let signals = [(Organ::Aorta, aorta), (Organ::PortalVein, portal), (Organ::Liver, liver)];
        patterns(Agent::Iodinated, &[phase(role, &signals, 1.0)]).remove(0)
    };
    let unenhanced = ct(Role::Unenhanced, 42.0, 36.0, 55.0);
    assert_eq!((unenhanced.pattern, unenhanced.agrees), (Some(Pattern::Unenhanced), Some(true)));
    assert_eq!(unenhanced.why, "liver 55 HU, aorta 42 HU, portal vein 36 HU");
    assert_eq!(ct(Role::Portal, 42.0, 36.0, 55.0).agrees, Some(false));
    assert_eq!(ct(Role::Arterial, 320.0, 120.0, 65.0).agrees, Some(true));
    assert_eq!(ct(Role::Unenhanced, 320.0, 120.0, 65.0).agrees, Some(false));
    assert_eq!(ct(Role::Portal, 150.0, 170.0, 110.0).pattern, Some(Pattern::PortalOrLater));
}
