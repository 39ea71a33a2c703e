//! Parsing of phases, their order, and what is refused.

use super::*;

fn arg(text: &str) -> PhaseArg {
    text.parse().unwrap()
}

fn phases(agent: Agent, texts: &[&str]) -> Result<Phases> {
    Phases::new(agent, texts.iter().map(|t| arg(t)).collect())
}

#[test]
fn a_phase_is_role_file_and_perhaps_seconds() {
    for (text, role, path, seconds) in [
        ("arterial=a.nii.gz@32", Role::Arterial, "a.nii.gz", Some(32.0)),
        ("early-arterial=a.nii@18.5", Role::EarlyArterial, "a.nii", Some(18.5)),
        ("early_arterial=a.nii", Role::EarlyArterial, "a.nii", None),
        ("unenhanced=pre@-20", Role::Unenhanced, "pre", Some(-20.0)),
        ("portal=x=1/p@home/b.nii@68", Role::Portal, "x=1/p@home/b.nii", Some(68.0)),
        ("portal=p@home.nii", Role::Portal, "p@home.nii", None),
        ("portal=p@nan", Role::Portal, "p@nan", None),
        ("portal=p@32@68", Role::Portal, "p@32", Some(68.0)),
    ] {
        let want = PhaseArg { role, path: path.into(), seconds };
        assert_eq!(arg(text), want, "{text}");
    }
    for bad in ["arterial", "late=a.nii", "portal=", "portal=@68"] {
        assert!(bad.parse::<PhaseArg>().is_err(), "{bad}");
    }
}

#[test]
fn phases_are_ordered_and_labelled() {
    let p = phases(Agent::Extracellular, &["portal=p@68", "arterial=a1@28", "unenhanced=u", "arterial=a2@36"]).unwrap();
    let labels: Vec<&str> = p.phases.iter().map(|p| p.label.as_str()).collect();
    assert_eq!(labels, ["unenhanced", "arterial_1", "arterial_2", "portal"]);
    assert_eq!(p.arterial(), Some(2));
    assert_eq!(p.serving(Quantity::Curve), [0, 1, 2, 3]);
    assert_eq!(p.serving(Quantity::WashOut), [3]);
}

#[test]
fn a_curve_type_needs_an_early_and_a_late_phase() {
    for (texts, want) in [
        (&["unenhanced=u", "arterial=a", "portal=p"][..], true),
        (&["unenhanced=u", "early-arterial=a", "portal=p"][..], true),
        (&["unenhanced=u", "early-arterial=e", "arterial=a"][..], false),
        (&["unenhanced=u", "portal=p", "transitional=t"][..], false),
        (&["unenhanced=u", "arterial=a", "transitional=t"][..], false),
    ] {
        let p = phases(Agent::Gadoxetate, texts).unwrap();
        assert_eq!(p.has_early_and_late(), want, "{texts:?}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_and_says_why() {
    for (agent, texts, says) in [
        (Agent::Extracellular, &["arterial=a@32", "portal=p@68"][..], "no unenhanced phase"),
        (Agent::Extracellular, &["unenhanced=u"][..], "nothing to compare"),
        (Agent::Extracellular, &["unenhanced=u", "portal=p", "portal=q"][..], "portal was given twice: p and q"),
        (Agent::Extracellular, &["unenhanced=u", "transitional=t"][..], "`delayed`"),
        (Agent::Extracellular, &["unenhanced=u", "arterial=a@70", "portal=p@68"][..], "arterial at 70 s (a)"),
        (Agent::Extracellular, &["unenhanced=u", "arterial=a@32", "arterial=b@32"][..], "do not increase"),
        (Agent::Extracellular, &["unenhanced=u@5", "arterial=a@32"][..], "at most 0"),
        (Agent::Extracellular, &["unenhanced=u", "arterial=a@0"][..], "above 0"),
    ] {
        let error = phases(agent, texts).unwrap_err();
        assert_eq!(error.exit_status(), 2);
        assert!(error.to_string().contains(says), "{error}");
    }
}
