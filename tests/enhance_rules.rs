//! What `hepar enhance` may use, must leave out, and refuses.

use libtest_mimic::{Failed, Trial};

use crate::exam::{
    ARTERIAL, CURVE_MAPS, DELAYED, PHASES, PORTAL, UNENHANCED, examination, first_difference, grid, voxels,
};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("enhance_rules::gadoxetate_stops_at_portal", gadoxetate_stops_at_portal),
        Trial::test("enhance_rules::gadoxetate_stops_in_a_series", gadoxetate_stops_in_a_series),
        Trial::test("enhance_rules::other_agents_leave_out_hepatobiliary", others_leave_out_hepatobiliary),
        Trial::test("enhance_rules::iodinated_is_hu", iodinated_is_hu),
        Trial::test("enhance_rules::what_is_missing_is_left_out", what_is_missing_is_left_out),
        Trial::test("enhance_rules::refusals", refusals),
    ]
}

/// Runs one examination twice, the second time with other values in the image `changed`; returns the maps that differ.
fn changed_by(changed: &str, arguments: &str) -> Result<Vec<String>, Failed> {
    let exam = examination();
    exam.image("h", &voxels(), &[90.0, 310.0, 70.0, 120.0]);
    exam.protocol("h", 0.004, 0.0012, 12.0);
    exam.done(&format!("enhance {arguments} --sigma 1 -o before"))?;
    exam.image(changed, &voxels(), &[500.0, 20.0, 900.0, 700.0]);
    exam.done(&format!("enhance {arguments} --sigma 1 -o after"))?;
    let maps = exam.maps("before");
    assert_eq!(maps, exam.maps("after"));
    let differs = |name: &String| {
        let [before, after] =
            ["before", "after"].map(|folder| exam.map(&format!("{folder}/{name}")));
        first_difference(&before, &after, 0.0).is_some()
    };
    Ok(maps.into_iter().filter(differs).collect())
}

/// Whether any map that a phase may not touch is among the changed.
fn touches_curve_or_loss(changed: &[String]) -> bool {
    changed
        .iter()
        .any(|name| CURVE_MAPS.contains(&name.as_str()) || name.starts_with("signal_loss"))
}

fn gadoxetate_stops_at_portal() -> Result<(), Failed> {
    let phases = "--phase unenhanced=u.nii --phase arterial=a.nii@32 --phase portal=p.nii@68 --phase transitional=d.nii@180 \
                  --phase hepatobiliary=h.nii@1200 --agent gadoxetate --auc-end 68";
    for (image, role) in [("d", "transitional"), ("h", "hepatobiliary")] {
        let changed = changed_by(image, phases)?;
        assert!(!touches_curve_or_loss(&changed), "{role}: {changed:?}");
        assert!(
            changed.contains(&format!("subtraction_{role}_unaligned")),
            "{changed:?}"
        );
    }
    let changed = changed_by("p", phases)?;
    for name in CURVE_MAPS.iter().chain(&["signal_loss_absolute_portal_unaligned"]) {
        assert!(
            changed.iter().any(|c| c == name),
            "{name} must follow the portal phase: {changed:?}"
        );
    }
    Ok(())
}

/// Frames from 2 min on, when the transitional phase begins, change nothing.
fn gadoxetate_stops_in_a_series() -> Result<(), Failed> {
    let exam = examination();
    let frames = [UNENHANCED, ARTERIAL, PORTAL, DELAYED].concat();
    exam.image("series", &voxels(), &frames);
    exam.image("other", &voxels(), &[&frames[..12], &[900.0; 4]].concat());
    exam.text("times.txt", "0 32 68 120");
    let run = |series: &str, out: &str, agent: &str| {
        exam.done(&format!(
            "enhance --series {series}.nii --times times.txt --agent {agent} --late-from 60 --auc-end 120 --sigma 1 -o {out}"
        ))
    };
    for (agent, same) in [("gadoxetate", true), ("extracellular", false)] {
        let outcome = run("series", &format!("{agent}1"), agent)?;
        let stopped = outcome.stderr.contains("1 of 4 frames, from 120 s on, stay out of the curve");
        assert_eq!(stopped, same, "{}", outcome.stderr);
        run("other", &format!("{agent}2"), agent)?;
        let maps = exam.maps(&format!("{agent}1"));
        assert_eq!(maps.iter().any(|name| name == "area_under_enhancement_unaligned"), !same);
        for name in CURVE_MAPS.iter().filter(|name| maps.iter().any(|map| map == *name)) {
            let [a, b] = [1, 2].map(|n| exam.map(&format!("{agent}{n}/{name}")));
            assert_eq!(first_difference(&a, &b, 0.0).is_none(), same, "{agent}: {name}");
        }
    }
    Ok(())
}

fn others_leave_out_hepatobiliary() -> Result<(), Failed> {
    for agent in ["extracellular", "gadobenate", "iodinated"] {
        let phases = format!("{PHASES} --phase hepatobiliary=h.nii@4000 --agent {agent}");
        let changed = changed_by("h", &phases)?;
        assert!(!touches_curve_or_loss(&changed), "{agent}: {changed:?}");
        let changed = changed_by("d", &phases)?;
        for name in CURVE_MAPS.iter().chain(&["signal_loss_absolute_delayed_unaligned"]) {
            assert!(
                changed.iter().any(|c| c == name),
                "{agent}: {name} must follow the delayed phase: {changed:?}"
            );
        }
    }
    Ok(())
}

fn iodinated_is_hu() -> Result<(), Failed> {
    let exam = examination();
    let outcome = exam.done(&format!("enhance {PHASES} --agent iodinated -o out"))?;
    assert!(
        outcome.stderr.contains("relative enhancement is left out"),
        "{}",
        outcome.stderr
    );
    assert!(
        !exam
            .maps("out")
            .iter()
            .any(|name| name.starts_with("relative"))
    );
    let sidecar = exam.json("out/subtraction_arterial_unaligned.json");
    assert_eq!(sidecar["units"], "HU");
    assert_eq!(sidecar["agent"], "iodinated");
    assert!(
        sidecar["title"]
            .as_str()
            .unwrap()
            .contains("misregistration can mimic or hide")
    );
    Ok(())
}

fn what_is_missing_is_left_out() -> Result<(), Failed> {
    let exam = examination();
    let three = "--phase unenhanced=u.nii --phase arterial=a.nii@32";
    for (n, (phases, absent, says)) in [
        (
            format!("{three} --phase portal=p.nii --agent extracellular"),
            &["time_to_peak_unaligned", "wash_in_slope_unaligned", "area_under_enhancement_unaligned"][..],
            "no time is given for portal",
        ),
        (
            format!("{three} --phase portal=p.nii@68 --agent gadoxetate"),
            &["area_under_enhancement_unaligned"],
            "the area goes to 180 s, but the curve ends with portal at 68 s",
        ),
        (
            format!("{three} --agent extracellular"),
            &["curve_type_unaligned", "signal_loss_absolute_portal_unaligned", "signal_loss_relative_portal_unaligned"],
            "signal loss is left out",
        ),
        (
            "--phase unenhanced=u.nii --phase portal=p.nii@68 --phase delayed=d.nii@180 --agent extracellular".into(),
            &["curve_type_unaligned", "signal_loss_absolute_portal_unaligned"],
            "needs an early (arterial)",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let outcome = exam.done(&format!("enhance {phases} --sigma 1 -o out{n}"))?;
        assert!(outcome.stderr.contains(says), "{phases}: {}", outcome.stderr);
        let maps = exam.maps(&format!("out{n}"));
        for name in absent {
            assert!(!maps.iter().any(|map| map == name), "{name} cannot be made of {phases}");
        }
        assert!(maps.iter().any(|map| map == "peak_enhancement_unaligned"));
    }
    Ok(())
}

fn refusals() -> Result<(), Failed> {
    let exam = examination();
    exam.image("other", &grid([4, 1, 1], [1.0, 0.0, 0.0]), &ARTERIAL);
    exam.image("flip", &voxels(), &ARTERIAL);
    exam.protocol("flip", 0.004, 0.0012, 25.0);
    exam.image("series", &voxels(), &[UNENHANCED, ARTERIAL].concat());
    exam.text("two.txt", "0 32");
    exam.text("three.txt", "0 32 68");
    exam.text("late.txt", "10 32");
    exam.text("words.txt", "0 soon");
    let to = "--agent extracellular -o out";
    for (arguments, status, says) in [
        (format!("enhance --phase arterial=a.nii@32 --phase portal=p.nii@68 {to}"), 2, "no unenhanced phase"),
        (format!("enhance --phase unenhanced=u.nii {to}"), 2, "nothing to compare"),
        (format!("enhance --phase u.nii {to}"), 2, "ROLE=FILE[@SECONDS]"),
        (format!("enhance --phase late=u.nii {to}"), 2, "no role `late`"),
        (format!("enhance {PHASES} --phase portal=a.nii@70 {to}"), 2, "portal was given twice"),
        ("enhance --phase unenhanced=u.nii --phase arterial=a.nii@70 --phase portal=p.nii@68 -o out --agent gadoxetate".into(), 2, "times do not increase: arterial at 70 s"),
        (format!("enhance {PHASES} --phase transitional=d.nii@200 {to}"), 2, "name it `delayed`"),
        (format!("enhance {PHASES} -o out"), 2, "--agent"),
        (format!("enhance {PHASES} {to} --sigma 0"), 2, "above 0"),
        (format!("enhance {PHASES} {to} --sigma background"), 65, "the noise is unknown"),
        (format!("enhance --phase unenhanced=none.nii --phase arterial=a.nii@32 {to}"), 66, "none.nii"),
        (format!("enhance --phase unenhanced=u.nii --phase arterial=other.nii@32 {to}"), 65, "0.50 voxels (1.00 mm) apart"),
        (format!("enhance --phase unenhanced=u.nii --phase arterial=flip.nii@32 {to}"), 65, "flip angle is 25°, but 12°"),
        (format!("enhance --phase unenhanced=u.nii --phase arterial=series.nii@32 {to}"), 65, "holds 2 volumes"),
        (format!("enhance --series series.nii {to}"), 2, "--times"),
        (format!("enhance --series series.nii --times two.txt --repeat u.nii {to}"), 2, "--repeat is for phases"),
        (format!("enhance --series series.nii --times three.txt {to}"), 65, "3 times for 2 volumes"),
        (format!("enhance --series series.nii --times late.txt {to}"), 65, "--baseline"),
        (format!("enhance --series series.nii --times words.txt {to}"), 65, "`soon` is not a time"),
        (format!("enhance --series series.nii --times none.txt {to}"), 66, "none.txt"),
    ] {
        exam.refused(&arguments, status, &[says])?;
        assert!(!exam.path("out/hepar.json").exists(), "{arguments}");
    }
    exam.done(&format!(
        "enhance --phase unenhanced=u.nii --phase arterial=flip.nii@32 {to} --allow-mismatch"
    ))?;
    exam.refused(
        &format!("enhance --phase unenhanced=u.nii --phase arterial=a.nii@32 {to}"),
        73,
        &["--force"],
    )
}
