//! Where parameters are idle: on a face of the box where another parameter takes their effect away, as f = 0 does with D* of
//! IVIM. A fit that ends there has no slope by the idle parameter, and cannot see that another value of it would let the fit
//! leave the face downhill. So other values are tried: the sum of squares is the same for all of them, and one evaluation
//! of each tells what a step from there would gain.

use super::dictionary::{Extent, places};
use crate::model::signal::program::SampleProgram;

/// A parameter that is idle on a face.
#[derive(Debug, Clone, PartialEq)]
pub struct Idle {
    /// The parameter whose bound is the face.
    pub face: usize,
    /// Whether that is its upper bound.
    pub is_upper: bool,
    /// This bound, in units of its scale.
    pub bound: f64,
    /// The parameter that is idle there.
    pub parameter: usize,
    /// Values of it to try, in units of its scale.
    pub places: Vec<f64>,
}

/// Signals that differ by less than this share of the largest are the same.
const SAME: f64 = 1e-12;

/// All of them, with `n_places` values to try, where such a value can change the slope by which a fit would leave the face.
/// A parameter that was given a start keeps to it.
pub(super) fn idle(program: &SampleProgram, extents: &[Extent], n_places: usize) -> Vec<Idle> {
    let is_varied = |extent: &Extent| !extent.is_signal && extent.bounds.iter().all(|bound| bound.is_finite());
    let all = || (0..extents.len()).filter(|&i| is_varied(&extents[i]));
    let mut found = Vec::new();
    for face in all() {
        for (is_upper, bound) in [false, true].into_iter().zip(extents[face].bounds) {
            for parameter in all().filter(|&p| p != face && extents[p].start.is_none()) {
                if is_idle(program, extents, (face, bound), parameter) {
                    let places = places(&extents[parameter], n_places);
                    found.push(Idle { face, is_upper, bound, parameter, places });
                }
            }
        }
    }
    found
}

/// Whether a parameter leaves the signal on a face as it is, and not the slope by which one leaves the face. Where slopes
/// are not finite, nothing can be told from them.
fn is_idle(program: &SampleProgram, extents: &[Extent], (face, bound): (usize, f64), parameter: usize) -> bool {
    let mut changes_slope = false;
    // Two places inside the box, the same place for no two neighbours.
    for first in 0..2 {
        let inside = |i: usize, extent: &Extent| match extent.is_signal {
            true => 1.0,
            false => places(&Extent { start: None, ..*extent }, 4)[1 + (first + i) % 2],
        };
        let mut at: Vec<f64> = extents.iter().enumerate().map(|(i, extent)| inside(i, extent)).collect();
        at[face] = bound;
        let [low, high] = extents[parameter].bounds.map(|value| {
            at[parameter] = value;
            (0..program.n_samples).map(|k| program.at(&at, k)).collect::<Vec<_>>()
        });
        let largest = low.iter().fold(0.0f64, |most, (signal, _)| most.max(signal.abs()));
        for ((a, a_slopes), (b, b_slopes)) in low.iter().zip(&high) {
            // What is no number is not the same.
            let is_same = (a - b).abs() <= SAME * largest;
            if !is_same || !a_slopes[face].is_finite() || !b_slopes[face].is_finite() {
                return false;
            }
            changes_slope |= (a_slopes[face] - b_slopes[face]).abs() > SAME * largest;
        }
    }
    changes_slope
}

#[cfg(test)]
mod tests {
    use crate::Result;
    use crate::device::Precision;
    use crate::fit::nlls::{Effort, NllsOptions, Problem};
    use crate::model::SignalModel;

    /// "face=bound: idle parameter" of a model.
    fn idle(model: &str, options: &NllsOptions) -> Result<Vec<String>> {
        let model = SignalModel::builtin(model)?;
        let b = [0.0, 10.0, 20.0, 40.0, 80.0, 110.0, 140.0, 200.0, 400.0, 800.0];
        let problem = Problem::new(model, &[b.to_vec()], options)?;
        let names: Vec<&str> = problem.choice.fitted().map(|i| model.parameters[i].name.as_str()).collect();
        let idle = problem.dictionary(&Effort::of(Precision::F32)).idle;
        let text = |idle: &super::Idle| {
            format!("{}={}: {}", names[idle.face], idle.bound * problem.scales[idle.face], names[idle.parameter])
        };
        Ok(idle.iter().map(text).collect())
    }

    #[test]
    fn faces_of_mixtures_are_found() -> Result<()> {
        let all = NllsOptions::default();
        assert_eq!(idle("ivim", &all)?, ["f=0: Dstar", "f=1: D"]);
        let expected = ["f=0: share", "f=0: Dstar", "f=0: Dstarstar", "f=1: D", "share=0: Dstarstar", "share=1: Dstar"];
        assert_eq!(idle("triexponential", &all)?, expected);
        for model in ["adc", "kurtosis"] {
            assert!(idle(model, &all)?.is_empty(), "{model}");
        }
        Ok(())
    }

    #[test]
    fn bounds_and_starts_count() -> Result<()> {
        let bounded = NllsOptions { bounds: vec![("f".into(), [0.01, 1.0])], ..NllsOptions::default() };
        assert_eq!(idle("ivim", &bounded)?, ["f=1: D"]);
        let started = NllsOptions { start: vec![("Dstar".into(), 0.02)], ..NllsOptions::default() };
        assert_eq!(idle("ivim", &started)?, ["f=1: D"]);
        Ok(())
    }
}
