//! What the phantom's signals are, and what tables should say of them: by the field's definitions, written out here, from the
//! numbers of `data/phantom/liver.toml`. Voxels are noisy, and the mean of a ratio or of a largest value is not that of the
//! means: expectations are those over noise, drawn here.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use hepar::enhance::Agent;
use hepar::simulate::{Phantom, Rng};

use super::drawn::Drawn;
use super::fitted;

const SPEC: &str = include_str!("../../data/phantom/liver.toml");
/// Draws of the noise.
const DRAWS: u64 = 40_000;
/// Standard deviation of the noise, and of the difference of two images below which nothing enhances.
const SIGMA: f64 = 10.0;
const LEAST_RISE: f64 = 3.0 * std::f64::consts::SQRT_2 * SIGMA;

/// A value and how uncertain it is, being the mean of draws.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    pub value: f64,
    pub standard_error: f64,
}

/// The phantom's truth for one agent.
pub struct Truth {
    pub phantom: Rc<Phantom>,
    pub roles: Vec<String>,
    pub seconds: Vec<f64>,
    /// `[region][phase]`, as stored but not rounded.
    pub signals: BTreeMap<String, Vec<f64>>,
    /// Voxels of each region.
    sizes: BTreeMap<String, f64>,
    /// Draws of one voxel's signals, by region, once they were made.
    voxels: RefCell<BTreeMap<String, Rc<Vec<Vec<f64>>>>>,
    agent: Agent,
}

impl Truth {
    /// Spoiled gradient echoes at TR 4 ms and 12°, scaled so that liver before contrast is 1000.
    pub fn new(phantom: Phantom, agent: Agent) -> Self {
        let spec: toml::Table = SPEC.parse().expect("the phantom is TOML");
        let steady = |t1: f64| {
            let (e1, angle) = ((-4.0 / t1).exp(), 12f64.to_radians());
            angle.sin() * (1.0 - e1) / (1.0 - e1 * angle.cos())
        };
        let mut signals = BTreeMap::new();
        for tissue in spec["tissue"].as_array().expect("tissues are a list") {
            let number = |key: &str| tissue[key]["value"].as_float().expect("a number");
            let rises = tissue["delta_r1_per_s"][agent.name()]["value"].as_array().expect("a list");
            let rises = std::iter::once(0.0).chain(rises.iter().map(|r| r.as_float().expect("a number")));
            let t1 = number("t1_ms");
            let of_phase = |rise: f64| number("proton_density") * steady(1.0 / (1.0 / t1 + rise / 1000.0));
            let name = tissue["name"].as_str().expect("a name").to_owned();
            signals.insert(name, rises.map(of_phase).collect::<Vec<f64>>());
        }
        let gain = 1000.0 / signals["liver"][0];
        signals.values_mut().flatten().for_each(|signal| *signal *= gain);
        let phases = || phantom.phases.iter().map(|of| &of.phase);
        let (roles, seconds) =
            (phases().map(|p| p.role.clone()).collect(), phases().map(|p| p.time_s.unwrap_or(0.0)).collect());
        let size = |label: u16| phantom.labels.iter().filter(|&&of| of == label).count() as f64;
        let sizes = phantom.regions.iter().map(|region| (region.name.clone(), size(region.label))).collect();
        Self { phantom: Rc::new(phantom), roles, seconds, signals, sizes, voxels: RefCell::default(), agent }
    }

    fn phase(&self, role: &str) -> Option<usize> {
        self.roles.iter().position(|of| of == role)
    }

    /// The phases on the curve: with gadoxetate none after the portal one.
    fn curve(&self) -> usize {
        match self.agent {
            Agent::Gadoxetate => self.phase("portal").map_or(0, |i| i + 1),
            _ => self.roles.len(),
        }
    }

    /// What a map or quantity of the phases is for signals `s`; `None` for what it is not, NaN where it has no value.
    pub fn of_signals(&self, name: &str, s: &[f64]) -> Option<f64> {
        let name = name.strip_suffix("_unaligned").unwrap_or(name);
        let curve = self.curve();
        let late = if self.agent == Agent::Gadoxetate { self.phase("portal")? } else { self.roles.len() - 1 };
        let arterial = self.phase("arterial")?;
        let rise = |i: usize| s[i] - s[0];
        let peak = (1..curve).map(rise).fold(f64::NEG_INFINITY, f64::max);
        let only = |holds: bool, value: f64| if holds { value } else { f64::NAN };
        let early_over_late = only(rise(late) > LEAST_RISE, rise(arterial) / rise(late));
        match name {
            "peak_enhancement" => return Some(peak),
            "time_to_peak" => {
                let first = (1..curve).find(|&i| rise(i) == peak)?;
                return Some(only(peak > LEAST_RISE, self.seconds[first]));
            }
            "wash_in_slope" => {
                let slope = |i: usize| (s[i] - s[i - 1]) / (self.seconds[i] - self.seconds[i - 1]);
                return Some((1..curve).map(slope).fold(f64::NEG_INFINITY, f64::max));
            }
            "area_under_enhancement" => {
                let piece = |i: usize| (rise(i) + rise(i - 1)) / 2.0 * (self.seconds[i] - self.seconds[i - 1]);
                return Some((1..curve).map(piece).sum());
            }
            "signal_enhancement_ratio_early_over_late" | "signal_enhancement_ratio_of_relative" => {
                return Some(early_over_late);
            }
            "signal_enhancement_ratio_late_over_peak" => {
                let largest = (1..=late).map(rise).fold(f64::NEG_INFINITY, f64::max);
                return Some(only(largest > LEAST_RISE, rise(late) / largest));
            }
            _ => {}
        }
        // The longest role first: `arterial` is not `early_arterial`.
        let of_role = |role: &String| name.strip_suffix(role.as_str())?.strip_suffix('_');
        let (i, what) = self.roles.iter().enumerate().find_map(|(i, role)| Some((i, of_role(role)?)))?;
        let liver = &self.signals["liver"];
        Some(match what {
            "signal" => s[i],
            "subtraction" | "enhancement" => rise(i),
            "relative_enhancement" | "relative_enhancement_of_means" => 100.0 * rise(i) / s[0],
            "noise_scaled_enhancement" => rise(i) / (SIGMA * std::f64::consts::SQRT_2),
            "arterial_enhancement_above_liver" | "enhancement_above_liver" => rise(i) - (liver[i] - liver[0]),
            "liver_to_lesion_ratio" => 100.0 * liver[i] / s[i],
            "lesion_to_liver_contrast" => (s[i] - liver[i]) / liver[i],
            "lesion_to_liver_contrast_over_sum" => (s[i] - liver[i]) / (s[i] + liver[i]),
            "liver_to_spleen_ratio" => s[i] / self.signals["spleen"][i],
            "signal_loss_absolute" | "signal_loss_absolute_of_means" => {
                only(rise(arterial) > LEAST_RISE, 100.0 * (s[arterial] - s[i]) / rise(arterial))
            }
            "signal_loss_relative" | "signal_loss_relative_of_means" => {
                only(rise(arterial) > LEAST_RISE, 100.0 * (s[arterial] - s[i]) / s[arterial])
            }
            _ => return None,
        })
    }

    /// What the errors of the reference regions, of liver and spleen, make of a quantity's error.
    fn error_of_references(&self, name: &str, signals: &[f64]) -> f64 {
        let value = |truth: &Self| truth.of_signals(name, signals).unwrap_or(f64::NAN);
        let error = |organ: &str, phase: usize| {
            // Without its margin the liver is smaller; that of a median is √(π/2) of that of a mean.
            let n = 0.8 * self.sizes[organ];
            let mut moved = self.signals.clone();
            moved.get_mut(organ).expect("an organ")[phase] += 1.2533 * SIGMA / n.sqrt();
            let moved = Self { signals: moved, phantom: Rc::clone(&self.phantom), roles: self.roles.clone(), seconds: self.seconds.clone(), sizes: BTreeMap::new(), voxels: RefCell::default(), agent: self.agent };
            let change = value(&moved) - value(self);
            if change.is_finite() { change } else { 0.0 }
        };
        let phases = 0..self.roles.len();
        phases.flat_map(|i| [error("liver", i), error("spleen", i)]).fold(0.0, f64::hypot)
    }

    /// The change of R1 that the signals of one voxel and its T1 in ms tell: the steady state solved for E1.
    fn delta_r1(pre: f64, post: f64, t1: f64) -> f64 {
        let (e, cos) = ((-4.0 / t1).exp(), 12f64.to_radians().cos());
        let a = post / pre * (1.0 - e) / (1.0 - e * cos);
        -1000.0 / 4.0 * ((1.0 - a) / (1.0 - a * cos)).ln() - 1000.0 / t1
    }

    /// The mean over voxels of the change of R1 in a phase, where fitted values of T1 spread by `t1_sd` about `t1`, in ms.
    pub fn expected_delta_r1(&self, role: &str, region: &str, t1: f64, t1_sd: f64) -> Option<Expected> {
        let of_t1 = |draw: u64| t1 + t1_sd * Rng::new(98).stream(2).normals(draw)[0];
        Some(mean(self.delta_r1_draws(role, region, of_t1)?.into_iter()))
    }

    /// The change of R1 of voxels in a phase, with T1 in ms from `t1` of the draw.
    fn delta_r1_draws(&self, role: &str, region: &str, t1: impl Fn(u64) -> f64) -> Option<Vec<f64>> {
        let (s, phase) = (self.signals.get(region)?, self.phase(role)?);
        let rng = Rng::new(98);
        let noisy = |signal: f64, [a, b]: [f64; 2]| (signal + SIGMA * a).hypot(SIGMA * b).round();
        let draw = |draw: u64| {
            let [pre, post] = [0, 1].map(|stream| rng.stream(stream).normals(draw));
            Self::delta_r1(noisy(s[0], pre), noisy(s[phase], post), t1(draw))
        };
        Some((0..DRAWS).map(draw).collect())
    }

    /// What a voxel of a region can give in a map of a part, and the standard error that its reference regions add.
    pub fn drawn(&self, part: &str, map: &str, phase: &str, region: &str) -> Option<(Drawn, f64)> {
        if part != "dynamic" {
            return Some((fitted::drawn(part, map, region)?, 0.0));
        }
        if map.starts_with("delta_r1_spgr") {
            let t1 = fitted::draws("t1/t1_vfa", "T1", region)?;
            let of_t1 = |draw: u64| t1[draw as usize % t1.len()];
            return Some((Drawn::new(self.delta_r1_draws(phase, region, of_t1)?.into_iter()), 0.0));
        }
        let name = if map == "signal" { format!("signal_{phase}") } else { map.to_owned() };
        let signals = self.signals.get(region)?;
        let draws = self.draws(&name, region, None)?;
        Some((Drawn::new(draws.into_iter()), self.error_of_references(&name, signals)))
    }

    /// The mean over voxels of a map in a region, and over regions of `n` voxels of a quantity of their mean signals.
    pub fn expected(&self, name: &str, region: &str, n: Option<f64>) -> Option<Expected> {
        let signals = self.signals.get(region)?;
        let found = mean(self.draws(name, region, n)?.into_iter());
        // Of draws of a region's mean, the spread is its error, and not the error of their mean.
        let own = found.standard_error * if n.is_some() { (DRAWS as f64).sqrt() } else { 1.0 };
        Some(Expected { standard_error: own.hypot(self.error_of_references(name, signals)), ..found })
    }

    /// A map or quantity in draws of the noise: of voxels, or of the means of `n`.
    fn draws(&self, name: &str, region: &str, n: Option<f64>) -> Option<Vec<f64>> {
        let of_means = n.map(|n| Rc::new(self.noisy(region, SIGMA / n.sqrt(), 0.0)));
        let draws = of_means.or_else(|| {
            // As they are stored.
            let stored = || self.noisy(region, SIGMA, SIGMA).into_iter().map(|of| of.iter().map(|s| s.round()).collect()).collect();
            Some(Rc::clone(self.voxels.borrow_mut().entry(region.to_owned()).or_insert_with(|| Rc::new(stored()))))
        })?;
        draws.iter().map(|signals| self.of_signals(name, signals)).collect()
    }

    /// Draws of a region's signals with noise in phase and across it.
    fn noisy(&self, region: &str, in_phase: f64, across: f64) -> Vec<Vec<f64>> {
        let rng = Rng::new(99);
        let noisy = |draw: u64| {
            let of_phase = |(i, signal): (u32, &f64)| {
                let [a, b] = rng.stream(i).normals(draw);
                (signal + in_phase * a).hypot(across * b)
            };
            (0..).zip(&self.signals[region]).map(of_phase).collect()
        };
        (0..DRAWS).map(noisy).collect()
    }

    /// A map that is fitted or made by formula from the other series: the phantom states its truth.
    pub fn of_map(&self, part: &str, name: &str, region: &str) -> Option<f64> {
        let name = match name {
            "S0" => return fitted::s0(part, region),
            name if name.starts_with("delta_r1_spgr_") => {
                name.replace("delta_r1_spgr_", "delta_r1_").replace("_unaligned", "")
            }
            name => name.to_owned(),
        };
        let further = self.phantom.further.iter().flat_map(|series| &series.truth);
        let map = self.phantom.truth.iter().chain(further).find(|of| of.name == name)?;
        let label = self.phantom.regions.iter().find(|of| of.name == region)?.label;
        let voxel = self.phantom.labels.iter().position(|&of| of == label)?;
        Some(f64::from(self.phantom.truth_column(map).as_f32()?[voxel]))
    }
}

/// The mean of what is finite, and its standard error.
fn mean(values: impl Iterator<Item = f64>) -> Expected {
    let finite: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    let n = finite.len() as f64;
    let value = finite.iter().sum::<f64>() / n;
    let variance = finite.iter().map(|of| (of - value).powi(2)).sum::<f64>() / (n - 1.0);
    Expected { value, standard_error: (variance / n).sqrt() }
}
