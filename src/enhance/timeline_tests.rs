//! Time axes, what they make impossible, and the reading of times.

use super::super::{Agent, PhaseArg};
use super::*;

fn of_phases(agent: Agent, texts: &[&str]) -> Timeline {
    let args = texts.iter().map(|t| t.parse::<PhaseArg>().unwrap()).collect();
    Timeline::of_phases(&Phases::new(agent, args).unwrap())
}

fn labels(t: &Timeline) -> Vec<&str> {
    t.samples.iter().map(|s| s.label.as_str()).collect()
}

const FULL: [&str; 5] = ["unenhanced=u", "arterial=a@32", "portal=p@68", "delayed=d@180", "hepatobiliary=h@1200"];

#[test]
fn the_agent_decides_which_phases_are_on_the_curve() {
    for agent in [Agent::Extracellular, Agent::Gadobenate, Agent::Iodinated] {
        let t = of_phases(agent, &FULL);
        assert_eq!(labels(&t), ["arterial", "portal", "delayed"]);
        assert_eq!(t.n_early, 2);
    }
    let t = of_phases(Agent::Gadoxetate, &FULL);
    assert_eq!(labels(&t), ["arterial", "portal"]);
    assert_eq!(t.n_early, 1);
}

#[test]
fn what_is_impossible_says_why() {
    let why = |t: &Timeline, d| t.obstacle(d, 180.0).unwrap_or_default();
    let t = of_phases(Agent::Extracellular, &FULL);
    assert!(Descriptor::ALL.iter().all(|&d| t.obstacle(d, 180.0).is_none()));

    let t = of_phases(Agent::Gadoxetate, &FULL);
    assert!(why(&t, Descriptor::AreaUnderEnhancement).contains("ends with portal at 68 s; --auc-end 68"));
    assert!(t.obstacle(Descriptor::AreaUnderEnhancement, 68.0).is_none());
    assert!(why(&t, Descriptor::CurveType).is_empty());

    let t = of_phases(Agent::Extracellular, &["unenhanced=u", "arterial=a@32", "portal=p", "delayed=d"]);
    for d in [Descriptor::TimeToPeak, Descriptor::WashInSlope, Descriptor::AreaUnderEnhancement] {
        assert!(why(&t, d).contains("no time is given for portal, delayed"), "{d:?}");
    }
    assert!(t.obstacle(Descriptor::PeakEnhancement, 180.0).is_none());

    let t = of_phases(Agent::Extracellular, &["unenhanced=u", "arterial=a@32"]);
    assert!(why(&t, Descriptor::CurveType).contains("early"));

    let t = of_phases(Agent::Gadoxetate, &["unenhanced=u", "hepatobiliary=h@1200"]);
    assert!(Descriptor::ALL.iter().all(|&d| why(&t, d).contains("no phase after contrast")));
}

#[test]
fn a_series_has_its_baseline_before_injection() {
    let times = [-4.0, -2.0, 0.0, 2.0, 60.0, 130.0];
    let t = Timeline::of_series(Path::new("t"), &times, None, 120.0).unwrap();
    assert_eq!((t.n_baseline, t.held_until, t.n_early, t.n_obs()), (3, 0.0, 2, 6));
    assert_eq!(labels(&t), ["frame 4", "frame 5", "frame 6"]);
    let t = Timeline::of_series(Path::new("t"), &times, Some(4), 120.0).unwrap();
    assert_eq!((t.n_baseline, t.held_until, t.n_early), (4, 2.0, 1));
    for (times, n, says) in [(&[1.0, 2.0][..], None, "0 of 2 frames"), (&[-1.0, 2.0], Some(2), "2 of 2 frames")] {
        let error = Timeline::of_series(Path::new("t"), times, n, 120.0).unwrap_err();
        assert_eq!(error.exit_status(), 65);
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn weights_are_the_trapezoid_rule() {
    let near = |got: Vec<f64>, want: &[f64]| {
        assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-12), "{got:?} is not {want:?}");
    };
    near(area_weights(0.0, &[10.0, 30.0], 30.0), &[15.0, 10.0]);
    near(area_weights(4.0, &[10.0, 30.0], 30.0), &[13.0, 10.0]);
    // To 20 s: 10·e1/2 + 10·(e1 + (e1 + e2)/2)/2.
    near(area_weights(0.0, &[10.0, 30.0], 20.0), &[12.5, 2.5]);
    // To 5 s: half of e1 is reached there.
    near(area_weights(0.0, &[10.0, 30.0], 5.0), &[1.25, 0.0]);
}

#[test]
fn times_are_read_however_they_are_laid_out() {
    let read = |text| parse_times(Path::new("times.txt"), text);
    for text in ["-2 0 2.5", "-2,0,2.5\n", "# seconds\r\n-2\r\n0\r\n2.5\r\n", "-2\t0;2.5 # end"] {
        assert_eq!(read(text).unwrap(), [-2.0, 0.0, 2.5], "{text:?}");
    }
    for (text, says) in
        [("1 two 3", "`two`"), ("1 nan", "`nan`"), ("0:32", "`0:32`"), ("-1 2 2", "frame 2 is at 2 s, frame 3 at 2 s")]
    {
        let error = read(text).unwrap_err();
        assert_eq!(error.exit_status(), 65);
        assert!(error.to_string().contains(says), "{error}");
    }
}
