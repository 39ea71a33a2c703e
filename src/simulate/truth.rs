//! What the maps should be, in closed form from the noiseless signals, by the definitions of the field and not by the
//! code that makes maps.

use super::curve::Curve;
use super::signal::Signals;
use super::spec::{Phase, Spec};
use crate::device::ColumnType;
use crate::enhance::Agent;

/// What a map should be.
#[derive(Debug, Clone)]
pub struct TruthMap {
    /// The map's name, as in its file name.
    pub name: String,
    /// Unit of the values.
    pub unit: &'static str,
    /// What it shows.
    pub title: String,
    /// How it is stored.
    pub kind: ColumnType,
    /// Values of air, then of each tissue; NaN: none.
    pub(super) by_tissue: Vec<f64>,
}

/// A map and its value from the signals of a tissue.
struct Definition {
    name: String,
    unit: &'static str,
    title: String,
    value: Box<dyn Fn(&Signals) -> f64>,
}

/// The truth of all maps, under the names that `hepar fit`, `hepar subtract` (arterial − unenhanced) and
/// `hepar enhance` give them; `signals` are those of air, then of each tissue.
///
/// With gadoxetate what comes after the portal phase is uptake: it enters neither the curve nor the loss of signal.
pub(super) fn truth(spec: &Spec, agent: Agent, phases: &[Phase], signals: &[Signals]) -> Vec<TruthMap> {
    let sigma_of_difference = spec.noise.sd * std::f64::consts::SQRT_2;
    let roles: Vec<&str> = phases.iter().map(|p| p.role.as_str()).collect();
    let portal = roles.iter().position(|role| *role == "portal");
    let vascular = match (agent, portal) {
        (Agent::Gadoxetate, Some(portal)) => portal + 1,
        _ => phases.len(),
    };
    let mut definitions = fitted();
    definitions.extend(differences(&roles));
    if let Some(arterial) = roles.iter().position(|role| *role == "arterial") {
        definitions.extend(arterial_subtraction(arterial, sigma_of_difference));
        definitions.extend(losses(&roles[..vascular], arterial, 3.0 * sigma_of_difference));
    }
    definitions.extend(descriptors(Curve {
        times_s: phases[..vascular].iter().filter_map(|p| p.time_s).collect(),
        threshold: 3.0 * sigma_of_difference,
    }));
    let map = |d: Definition| TruthMap {
        kind: if d.name == "curve_type_unaligned" { ColumnType::U16 } else { ColumnType::F32 },
        by_tissue: signals.iter().map(&d.value).collect(),
        name: d.name,
        unit: d.unit,
        title: d.title,
    };
    definitions.into_iter().map(map).collect()
}

fn define(
    name: impl Into<String>,
    unit: &'static str,
    title: impl Into<String>,
    value: impl Fn(&Signals) -> f64 + 'static,
) -> Definition {
    Definition { name: name.into(), unit, title: title.into(), value: Box::new(value) }
}

fn fitted() -> Vec<Definition> {
    vec![
        define("ADC", "mm²/s", "Apparent diffusion coefficient", |s| s.adc_mm2_per_s),
        define("S0", "1", "Signal at b = 0", |s| s.s0),
    ]
}

/// Each phase after contrast against the unenhanced one.
fn differences(roles: &[&str]) -> Vec<Definition> {
    let of_phase = |(i, role): (usize, &&str)| {
        let title = format!("{role} − unenhanced");
        let relative = format!("({title}) / unenhanced");
        [
            define(format!("subtraction_{role}_unaligned"), "1", title, move |s| s.rise(i)),
            define(format!("relative_enhancement_{role}_unaligned"), "%", relative, move |s| s.relative_rise(i)),
        ]
    };
    roles.iter().enumerate().skip(1).flat_map(of_phase).collect()
}

fn arterial_subtraction(arterial: usize, sigma_of_difference: f64) -> Vec<Definition> {
    vec![
        define("subtraction_unaligned", "1", "arterial − unenhanced", move |s| s.rise(arterial)),
        define("relative_enhancement_unaligned", "%", "(arterial − unenhanced) / unenhanced", move |s| {
            s.relative_rise(arterial)
        }),
        define("noise_scaled_enhancement_unaligned", "1", "(arterial − unenhanced) / (σ√2)", move |s| {
            s.rise(arterial) / sigma_of_difference
        }),
    ]
}

/// The signal lost from the arterial to a later phase; none where the arterial phase does not enhance.
fn losses(roles: &[&str], arterial: usize, threshold: f64) -> Vec<Definition> {
    let loss = move |s: &Signals, later: usize, of: f64| match s.rise(arterial) > threshold {
        true => 100.0 * (s.phases[arterial] - s.phases[later]) / of,
        false => f64::NAN,
    };
    let of_phase = |(i, role): (usize, &&str)| {
        let title = format!("Signal loss from arterial to {role}");
        [
            define(format!("signal_loss_absolute_{role}_unaligned"), "%", title.clone(), move |s| {
                loss(s, i, s.rise(arterial))
            }),
            define(format!("signal_loss_relative_{role}_unaligned"), "%", title, move |s| {
                loss(s, i, s.phases[arterial])
            }),
        ]
    };
    roles.iter().enumerate().skip(arterial + 1).flat_map(of_phase).collect()
}

fn descriptors(curve: Curve) -> Vec<Definition> {
    let of = |value: fn(&Curve, &Signals) -> f64| {
        let curve = curve.clone();
        move |s: &Signals| value(&curve, s)
    };
    let mut all = vec![
        define("peak_enhancement_unaligned", "1", "Largest enhancement", of(|c, s| c.peak(s).0)),
        define("time_to_peak_unaligned", "s", "Time of the largest enhancement", of(Curve::time_to_peak)),
        define("wash_in_slope_unaligned", "1/s", "Steepest rise", of(Curve::slope)),
    ];
    if curve.has_area() {
        let title = "Area under the enhancement to 180 s";
        all.push(define("area_under_enhancement_unaligned", "s", title, of(Curve::area)));
    }
    all.push(define("curve_type_unaligned", "class", "1 persistent, 2 plateau, 3 wash-out", of(Curve::class)));
    all
}
