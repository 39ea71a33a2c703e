use super::*;
use crate::enhance::Agent;
use crate::simulate::{Phantom, Rng, Spec, liver_phantom};

struct Case {
    /// In order, the unenhanced one first.
    phases: Vec<Vec<f32>>,
    muscle: Vec<usize>,
    liver: Vec<usize>,
    others: Vec<usize>,
    /// The regions' names by their labels.
    phantom: Phantom,
}

/// The phantom's phases. Muscle has no label: a ring of the body wall, left of the middle.
fn phantom(agent: Agent) -> Case {
    let phantom = liver_phantom(&Spec::liver().unwrap(), agent, 1).unwrap();
    let grid = &phantom.grid;
    let [ni, nj, _] = grid.shape;
    let in_wall = |&v: &usize| {
        let [x, y, _] = grid.position([v % ni, v / ni % nj, v / ni / nj].map(|i| i as f64));
        x.abs() < 60.0 && (97.0..101.0).contains(&y)
    };
    let all = 0..grid.n_voxels();
    Case {
        phases: phantom.phases.iter().map(|p| p.voxels.iter().map(|&v| v.into()).collect()).collect(),
        muscle: all.clone().filter(in_wall).collect(),
        others: all.filter(|&v| phantom.labels[v] != 0).collect(),
        liver: within(&phantom, &["liver"]),
        phantom,
    }
}

/// The voxels of regions.
fn within(phantom: &Phantom, names: &[&str]) -> Vec<usize> {
    let wanted: Vec<u16> =
        phantom.regions.iter().filter(|of| names.contains(&of.name.as_str())).map(|of| of.label).collect();
    assert_eq!(wanted.len(), names.len());
    (0..phantom.labels.len()).filter(|&v| wanted.contains(&phantom.labels[v])).collect()
}

impl Case {
    /// Labels of organs and lesions, without muscle.
    fn labelled(&self) -> Labelled<'_> {
        Labelled { muscle: &[], liver: &self.liver, others: &self.others }
    }

    /// Noise of another `sigma` on top, as magnitudes have it.
    fn with_noise(mut self, sigma: f32) -> Self {
        for (stream, phase) in (0..).zip(&mut self.phases) {
            let rng = Rng::new(5).stream(stream);
            for (v, value) in (0..).zip(phase) {
                let [a, b] = rng.normals(v).map(|of| of as f32 * sigma);
                *value = (*value + a).hypot(b);
            }
        }
        self
    }
}

fn times(values: &[f32], factor: f32) -> Vec<f32> {
    values.iter().map(|v| factor * v).collect()
}

/// What lies outside becomes `fill`.
fn masked(values: &[f32], inside: &[usize], fill: f32) -> Vec<f32> {
    let mut masked = vec![fill; values.len()];
    inside.iter().for_each(|&v| masked[v] = values[v]);
    masked
}

#[test]
fn phases_pass_and_a_factor_is_named() {
    // The signal of liver is 1000: SNR 100, and 20.
    for (agent, sigma) in [(Agent::Extracellular, 0.0), (Agent::Gadoxetate, 0.0), (Agent::Gadoxetate, 50.0)] {
        let case = phantom(agent).with_noise(sigma);
        assert!(case.muscle.len() > MIN_VOXELS);
        let with_muscle = Labelled { muscle: &case.muscle, ..case.labelled() };
        for (i, post) in case.phases.iter().enumerate() {
            for (how, labelled) in
                [("no labels", Labelled::default()), ("labels", case.labelled()), ("muscle", with_muscle)]
            {
                let what = format!("{}, noise {sigma}, phase {i}, {how}", agent.name());
                assert_eq!(scaling_suspect(&case.phases[0], post, &labelled), None, "{what}");
                // Noise widens the ratios of the body, whose lowest quarter then reaches further down.
                let factors = if sigma > 0.0 { &[0.4, 0.5, 2.0, 2.5][..] } else { &[0.4, 0.5, 1.5, 2.0, 2.5] };
                for &factor in factors {
                    let said = scaling_suspect(&case.phases[0], &times(post, factor), &labelled);
                    assert!(said.is_some_and(|said| said.is_sure), "{what}, times {factor}");
                }
            }
        }
    }
}

/// Of a liver, or of organs that all take contrast up, no fault is made; that their ratios alone would is the canary.
#[test]
fn masks_to_organs_are_no_fault() {
    let organs = ["liver", "spleen", "aorta"];
    for (agent, sigma) in [(Agent::Extracellular, 0.0), (Agent::Gadoxetate, 0.0), (Agent::Gadoxetate, 50.0)] {
        let case = phantom(agent).with_noise(sigma);
        for (mask, fill) in [(&organs[..1], 0.0), (&organs[..], 0.0), (&organs[..], f32::NAN), (&organs[..], 3000.0)] {
            let inside = within(&case.phantom, mask);
            let only_lesions = within(&case.phantom, &["hcc", "metastasis"]);
            let lesions = Labelled { others: &only_lesions, ..Labelled::default() };
            let pre = masked(&case.phases[0], &inside, fill);
            let (mut beyond, mut doubts) = (0, 0);
            for (i, phase) in case.phases.iter().enumerate() {
                let post = masked(phase, &inside, fill);
                for (pre, post) in [(&pre, &post), (&case.phases[0], &post), (&pre, phase)] {
                    for labelled in [Labelled::default(), lesions] {
                        let said = scaling_suspect(pre, post, &labelled);
                        assert!(said.as_ref().is_none_or(|said| !said.is_sure), "{mask:?} {fill} phase {i}: {said:?}");
                        doubts += usize::from(said.is_some());
                    }
                    assert_eq!(scaling_suspect(pre, post, &case.labelled()), None, "{mask:?} {fill} phase {i}");
                }
                let mut ratios: Vec<f64> =
                    inside.iter().map(|&v| f64::from(phase[v]) / f64::from(case.phases[0][v])).collect();
                beyond += usize::from(quantile(&mut ratios, LEAST) > EXPECTED[1]);
            }
            assert!(
                beyond > 0 && doubts >= beyond,
                "{mask:?} {fill}: {beyond} phases would be faulted, {doubts} doubts"
            );
        }
    }
}

/// A body whose air was set to 0 is a body: certain where the liver's label shows how much more than liver there is.
#[test]
fn a_factor_on_a_body_without_air_is_named() {
    let case = phantom(Agent::Gadoxetate);
    let body: Vec<usize> = (0..case.phases[0].len()).filter(|&v| case.phases[0][v] > 100.0).collect();
    let pre = masked(&case.phases[0], &body, 0.0);
    assert!(filled(&pre).is_some() && filled(&case.phases[0]).is_none());
    for phase in &case.phases {
        let post = masked(phase, &body, 0.0);
        let with_muscle = Labelled { muscle: &case.muscle, ..case.labelled() };
        for (labelled, is_sure) in [(case.labelled(), true), (with_muscle, true), (Labelled::default(), false)] {
            assert_eq!(scaling_suspect(&pre, &post, &labelled), None);
            let said = scaling_suspect(&pre, &times(&post, 2.5), &labelled).unwrap();
            assert_eq!(said.is_sure, is_sure, "{}", said.text);
        }
    }
}

/// What the module's documentation states, by phases that enhance nothing and that enhance muscle by 40 %.
#[test]
fn the_limit_of_detection_is_as_stated() {
    let pre: Vec<f32> = (0..1000u16).map(|v| 100.0 + 0.001 * f32::from(v)).collect();
    let all: Vec<usize> = (0..1000).collect();
    let labelled = Labelled { muscle: &all, ..Labelled::default() };
    let seen =
        |enhancement: f32, factor: f32| scaling_suspect(&pre, &times(&pre, enhancement * factor), &labelled).is_some();
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
    let pre: Vec<f32> = (0..150u16).map(|v| 100.0 + f32::from(v)).collect();
    assert_eq!(scaling_suspect(&pre, &times(&pre, 3.0), &Labelled::default()), None);
    assert_eq!(scaling_suspect(&[0.0; 500], &[0.0; 500], &Labelled::default()), None);
}
