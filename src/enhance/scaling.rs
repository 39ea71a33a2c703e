//! Whether two phases are stored on one scale.
//!
//! Scanners may scale each series anew (Philips' slopes; automatic gain), and a converter may drop the factor. Slopes
//! that a sidecar holds are compared by [`protocol`](super::protocol); this looks at the values alone. Contrast
//! brightens some tissues a little and others much, and darkens none for long: a factor on all of them shows in those
//! that enhance least. **Limit of detection**: muscle enhances by up to about 40 %, so that a factor of 0.6 or less and
//! of 1.5 or more is always seen with a label of muscle, and one between 0.86 and 1.03 never; between these it depends
//! on how much the muscle enhances. It is blind to an offset.

use crate::measure::quantile;

/// Least and most of what the tissue that enhances least may be after contrast, over before. Chosen here: muscle is
/// 1.11 to 1.31 in the phantom's phases, and the automatic gain of repeated images keeps within some per cent.
const EXPECTED: [f64; 2] = [0.85, 1.45];
/// Voxels count from this share of the body's 99 % quantile before contrast on: noise makes ratios of less meaningless.
const SIGNAL_FROM: f64 = 0.05;
/// The quantile of the body's ratios that stands for what enhances least: of the phantom's phases it lies between 1.01
/// and 1.02 with its fat, and up to 1.31 without. Noise and motion draw the lowest tenth below 1.
const LEAST: f64 = 0.25;
/// Fewest voxels to judge by.
const MIN_VOXELS: usize = 200;

/// What speaks for another scale of `post` than of `pre`, images of one protocol on one grid before and after contrast;
/// `None` if nothing does, and of fewer than 200 voxels with signal. For MR alone: HU are a scale.
///
/// `body` are the voxels of the body (all voxels do, too); `muscle` those of muscle, where a label says so, which are
/// then the only ones to count.
pub fn scaling_suspect(pre: &[f32], post: &[f32], body: &[usize], muscle: Option<&[usize]>) -> Option<String> {
    let muscle = muscle.filter(|voxels| voxels.len() >= MIN_VOXELS);
    let mut ratios = ratios(pre, post, muscle.unwrap_or(body))?;
    let n = ratios.len();
    let found = quantile(&mut ratios, if muscle.is_some() { 0.5 } else { LEAST });
    let [least, most] = EXPECTED;
    if (least..=most).contains(&found) {
        return None;
    }
    let what = match muscle {
        Some(_) => "muscle is",
        None if found < least => "a quarter of the body is at most",
        None => "three quarters of the body are at least",
    };
    Some(format!(
        "{what} {found:.2} times as bright as before contrast ({n} voxels; {least} to {most} is expected of tissue that \
         hardly enhances): the two images seem to be stored on different scales; compare their rescale and scale slopes, \
         or convert both anew"
    ))
}

/// post/pre of the voxels that have signal before contrast.
fn ratios(pre: &[f32], post: &[f32], voxels: &[usize]) -> Option<Vec<f64>> {
    let finite = |v: &&usize| pre[**v].is_finite() && post[**v].is_finite();
    let mut before: Vec<f64> = voxels.iter().filter(finite).map(|&v| pre[v].into()).collect();
    let floor = SIGNAL_FROM * quantile(&mut before, 0.99);
    let ratio = |&v: &usize| {
        let [before, after] = [pre[v], post[v]].map(f64::from);
        (before > floor && before > 0.0).then(|| after / before)
    };
    let ratios: Vec<f64> = voxels.iter().filter(finite).filter_map(ratio).collect();
    (ratios.len() >= MIN_VOXELS).then_some(ratios)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enhance::Agent;
    use crate::simulate::{Spec, liver_phantom};

    struct Case {
        phases: Vec<Vec<f32>>,
        body: Vec<usize>,
        muscle: Vec<usize>,
    }

    /// The phantom's phases. Muscle has no label: a ring of the body wall, left of the middle.
    fn phantom() -> Case {
        let phantom = liver_phantom(&Spec::liver().unwrap(), Agent::Extracellular, 1).unwrap();
        let grid = &phantom.grid;
        let [ni, nj, _] = grid.shape;
        let in_wall = |&v: &usize| {
            let [x, y, _] = grid.position([v % ni, v / ni % nj, v / ni / nj].map(|i| i as f64));
            x.abs() < 60.0 && (97.0..101.0).contains(&y)
        };
        let all: Vec<usize> = (0..grid.n_voxels()).collect();
        Case {
            phases: phantom.phases.iter().map(|p| p.voxels.iter().map(|&v| v.into()).collect()).collect(),
            muscle: all.iter().copied().filter(in_wall).collect(),
            body: all,
        }
    }

    fn times(values: &[f32], factor: f32) -> Vec<f32> {
        values.iter().map(|v| factor * v).collect()
    }

    #[test]
    fn phases_pass_and_a_factor_is_named() {
        let Case { phases, body, muscle } = phantom();
        assert!(muscle.len() > MIN_VOXELS);
        for (i, post) in phases.iter().enumerate() {
            for muscle in [None, Some(muscle.as_slice())] {
                let said = scaling_suspect(&phases[0], post, &body, muscle);
                assert_eq!(said, None, "phase {i}");
                for factor in [0.5, 1.5, 2.0] {
                    let said = scaling_suspect(&phases[0], &times(post, factor), &body, muscle);
                    assert!(said.is_some(), "phase {i} times {factor}, muscle {}", muscle.is_some());
                    println!("{i} {factor} {}", said.unwrap());
                }
            }
        }
    }

    /// What the module's documentation states, by phases that enhance nothing and that enhance muscle by 40 %.
    #[test]
    fn the_limit_of_detection_is_as_stated() {
        let pre = vec![100.0f32; 1000];
        let all: Vec<usize> = (0..1000).collect();
        let seen = |enhancement: f32, factor: f32| {
            scaling_suspect(&pre, &times(&pre, enhancement * factor), &all, Some(&all)).is_some()
        };
        for enhancement in [1.0, 1.4] {
            assert!(seen(enhancement, 0.6) && seen(enhancement, 1.5), "{enhancement}");
        }
        for percent in 86..=103 {
            assert!(!seen(1.0, percent as f32 / 100.0) && !seen(1.4, percent as f32 / 100.0), "{percent} %");
        }
        assert!(seen(1.0, 0.8) && !seen(1.4, 0.8) && !seen(1.0, 1.3) && seen(1.4, 1.3));
    }

    #[test]
    fn too_little_signal_says_nothing() {
        let pre = vec![100.0f32; 150];
        let all: Vec<usize> = (0..150).collect();
        assert_eq!(scaling_suspect(&pre, &times(&pre, 3.0), &all, None), None);
        assert_eq!(scaling_suspect(&[0.0; 500], &[0.0; 500], &(0..500).collect::<Vec<_>>(), None), None);
    }
}
