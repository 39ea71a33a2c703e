//! Signals of the sequences, in closed form, and those of a phantom's tissues.

use super::spec::{Spec, Tissue};
use crate::Result;
use crate::enhance::Agent;

/// Signal of a spin echo at echo time TE, fully relaxed: M·exp(−TE/T2).
pub(super) fn spin_echo(m: f64, te_ms: f64, t2_ms: f64) -> f64 {
    m * (-te_ms / t2_ms).exp()
}

/// Mono-exponential diffusion: S0·exp(−b·ADC), b in s/mm², ADC in mm²/s.
fn diffusion(s0: f64, b_s_per_mm2: f64, adc_mm2_per_s: f64) -> f64 {
    s0 * (-b_s_per_mm2 * adc_mm2_per_s).exp()
}

/// What T2* leaves of a gradient echo's signal M at echo time TE: M·exp(−TE·R2*).
pub(super) fn t2star_decay(m: f64, te_ms: f64, r2star_per_s: f64) -> f64 {
    m * (-te_ms * r2star_per_s / 1000.0).exp()
}

/// Spoiled gradient echo in its steady state: M·sin α·(1 − E1)/(1 − E1·cos α) with E1 = exp(−TR/T1); T2* decay is left
/// out (Ernst 1966, doi:10.1063/1.1719961).
pub(super) fn spoiled_gradient_echo(m: f64, tr_ms: f64, flip_deg: f64, t1_ms: f64) -> f64 {
    let (sin, cos) = flip_deg.to_radians().sin_cos();
    let e1 = (-tr_ms / t1_ms).exp();
    m * sin * (1.0 - e1) / (1.0 - e1 * cos)
}

/// T1 in ms after contrast has raised R1 by `delta_r1_per_s`.
fn t1_with_contrast(t1_ms: f64, delta_r1_per_s: f64) -> f64 {
    1.0 / (1.0 / t1_ms + delta_r1_per_s / 1000.0)
}

/// Noiseless signals of one tissue, in stored units.
#[derive(Debug, Clone, Default)]
pub(super) struct Signals {
    pub(super) s0: f64,
    pub(super) adc_mm2_per_s: f64,
    pub(super) diffusion: Vec<f64>,
    pub(super) phases: Vec<f64>,
}

impl Signals {
    /// Enhancement of a phase over the unenhanced one.
    pub(super) fn rise(&self, phase: usize) -> f64 {
        self.phases[phase] - self.phases[0]
    }

    /// The same in % of the unenhanced signal.
    pub(super) fn relative_rise(&self, phase: usize) -> f64 {
        100.0 * self.rise(phase) / self.phases[0]
    }
}

/// Signals of air, then of each tissue, at the gains that give the reference tissue its SNRs.
pub(super) fn signals(spec: &Spec, agent: Agent) -> Result<Vec<Signals>> {
    let mut tissues: Vec<Signals> = spec.tissues.iter().map(|t| at_unit_gain(spec, agent, t)).collect();
    let reference = tissues[spec.reference()?].clone();
    let diffusion_gain = spec.diffusion.snr * spec.noise.sd / reference.diffusion[0];
    let dynamic_gain = spec.dynamic.snr * spec.noise.sd / reference.phases[0];
    for (tissue, signals) in std::iter::zip(&spec.tissues, &mut tissues) {
        signals.s0 *= diffusion_gain;
        signals.diffusion.iter_mut().for_each(|s| *s *= diffusion_gain);
        signals.phases.iter_mut().for_each(|s| *s *= dynamic_gain);
        check_range(spec, tissue, &signals.diffusion)?;
        check_range(spec, tissue, &signals.phases)?;
    }
    let air = Signals {
        s0: 0.0,
        adc_mm2_per_s: f64::NAN,
        diffusion: vec![0.0; reference.diffusion.len()],
        phases: vec![0.0; reference.phases.len()],
    };
    tissues.insert(0, air);
    Ok(tissues)
}

/// Refuses what int16 cannot hold with ten sd of noise on top, which do not happen in any number of voxels.
pub(super) fn check_range(spec: &Spec, tissue: &Tissue, signals: &[f64]) -> Result<()> {
    let brightest = signals.iter().copied().fold(0.0, f64::max);
    if brightest + 10.0 * spec.noise.sd <= f64::from(i16::MAX) {
        return Ok(());
    }
    let problem = format!("{} reaches {brightest:.0}, and int16 ends at {}", tissue.name, i16::MAX);
    Err(spec.complain(problem, "lower noise.sd or an snr"))
}

fn at_unit_gain(spec: &Spec, agent: Agent, tissue: &Tissue) -> Signals {
    let (adc, density) = (tissue.adc_mm2_per_s.value, tissue.proton_density.value);
    let left_by_flow = tissue.diffusion_fraction.as_ref().map_or(1.0, |f| f.value);
    let te_ms = spec.diffusion.timing.echo_time_ms;
    let s0 = left_by_flow * spin_echo(density, te_ms, tissue.t2_ms.value);
    let in_phase = |rise: &f64| {
        let t1_ms = t1_with_contrast(tissue.t1_ms.value, *rise);
        let timing = spec.dynamic.timing;
        spoiled_gradient_echo(density, timing.repetition_time_ms, timing.flip_angle_deg, t1_ms)
    };
    let rises = std::iter::once(&0.0).chain(tissue.rises(agent));
    let b_values = &spec.diffusion.b_s_per_mm2;
    Signals {
        s0,
        adc_mm2_per_s: adc,
        diffusion: b_values.iter().map(|&b| diffusion(s0, b, adc)).collect(),
        phases: rises.map(in_phase).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12 * b.abs()
    }

    #[test]
    fn decays_halve_after_ln_2() {
        let ln2 = std::f64::consts::LN_2;
        assert!(close(spin_echo(8.0, 50.0 * ln2, 50.0), 4.0));
        assert!(close(diffusion(8.0, 1000.0 * ln2, 1e-3), 4.0));
        assert!(close(t2star_decay(8.0, 25.0 * ln2, 40.0), 4.0));
        assert!(!close(diffusion(8.0, 1000.0 * ln2, 1.000_001e-3), 4.0));
    }

    /// At 90° the steady state is M(1 − E1), and it is largest at the Ernst angle arccos E1.
    #[test]
    fn spoiled_gradient_echo_has_its_known_limits() {
        let e1 = (-4.0f64 / 600.0).exp();
        assert!(close(spoiled_gradient_echo(3.0, 4.0, 90.0, 600.0), 3.0 * (1.0 - e1)));
        let ernst = e1.acos().to_degrees();
        let at = |flip| spoiled_gradient_echo(1.0, 4.0, flip, 600.0);
        assert!(at(ernst) > at(ernst + 0.01) && at(ernst) > at(ernst - 0.01));
    }

    #[test]
    fn contrast_shortens_t1() {
        assert!(close(t1_with_contrast(1000.0, 1.0), 500.0));
        assert_eq!(t1_with_contrast(500.0, 0.0), 500.0);
    }
}
