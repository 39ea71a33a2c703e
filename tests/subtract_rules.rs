//! What `hepar subtract` makes of CT and of noise, and what it refuses.

use libtest_mimic::{Failed, Trial};

use crate::exam::{Exam, POST, grid, pair};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("subtract_rules::ct_has_no_relative_enhancement", ct),
        Trial::test("subtract_rules::noise", noise),
        Trial::test("subtract_rules::refusals", refusals),
    ]
}

fn ct() -> Result<(), Failed> {
    let exam = Exam::new();
    let g = grid([4, 1, 1], [0.0; 3]);
    exam.image("pre", &g, &[-1000.0, 45.0, 50.0, 10.0]);
    exam.image("post", &g, &[-1000.0, 110.0, 50.0, 12.0]);
    let outcome = exam.done("subtract post.nii pre.nii -o told")?;
    for says in [
        "relative enhancement is left out",
        "noise-scaled enhancement is left out",
    ] {
        assert!(outcome.stderr.contains(says), "{}", outcome.stderr);
    }
    assert_eq!(exam.maps("told"), ["status", "subtraction_unaligned"]);
    assert_eq!(
        exam.map("told/subtraction_unaligned"),
        [0.0, 65.0, 0.0, 2.0]
    );
    let sidecar = exam.json("told/subtraction_unaligned.json");
    assert_eq!(
        (&sidecar["units"], &sidecar["modality"]),
        (&"HU".into(), &"CT".into())
    );
    exam.done("subtract post.nii pre.nii -o mr --modality mr --sigma 2")?;
    assert!(
        exam.maps("mr")
            .iter()
            .any(|name| name == "relative_enhancement_unaligned")
    );
    Ok(())
}

/// A slab of Gaussian-like noise of known sd: repeats find it, and a clipped background is not taken.
fn noise() -> Result<(), Failed> {
    let exam = Exam::new();
    let g = grid([40, 40, 4], [0.0; 3]);
    // The sum of 12 uniform numbers less 6 has sd 1.
    let noisy = |seed: u64| -> Vec<f32> {
        let mut state = seed;
        let mut uniform = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        (0..6400)
            .map(|_| 200.0 + 3.0 * ((0..12).map(|_| uniform()).sum::<f32>() - 6.0))
            .collect()
    };
    exam.image("pre", &g, &noisy(1));
    exam.image("again", &g, &noisy(2));
    exam.image("post", &g, &noisy(3));
    exam.done("subtract post.nii pre.nii --repeat again.nii -o out")?;
    let sidecar = exam.json("out/noise_scaled_enhancement_unaligned.json");
    let sigma = sidecar["noise"]["sigma"].as_f64().unwrap();
    // 6400 differences: the standard error of σ is 0.9 %.
    assert!((sigma / 3.0 - 1.0).abs() < 0.03, "{sigma}");
    assert!(
        sidecar["noise"]["method"]
            .as_str()
            .unwrap()
            .starts_with("repeats")
    );
    assert!(sidecar["noise"]["repeat_sha256"].is_string());
    let scaled = exam.map("out/noise_scaled_enhancement_unaligned");
    let mean_square = scaled.iter().map(|x| f64::from(x * x)).sum::<f64>() / 6400.0;
    assert!(
        (mean_square - 1.0).abs() < 0.06,
        "noise in units of noise has variance {mean_square}"
    );
    exam.refused(
        "subtract post.nii pre.nii --sigma background -o no",
        65,
        &["pre.nii", "--repeat"],
    )?;
    let outcome = exam.done("subtract post.nii pre.nii -o unsaid")?;
    assert!(
        outcome
            .stderr
            .contains("noise-scaled enhancement is left out"),
        "{}",
        outcome.stderr
    );
    Ok(())
}

fn refusals() -> Result<(), Failed> {
    let exam = pair();
    exam.image("flip", &grid([4, 1, 1], [0.0; 3]), &POST);
    exam.protocol("flip", 0.004, 0.0012, 25.0);
    exam.image("bare", &grid([4, 1, 1], [0.0; 3]), &POST);
    exam.image("longer", &grid([5, 1, 1], [0.0; 3]), &[1.0; 5]);
    exam.image("series", &grid([4, 1, 1], [0.0; 3]), &[1.0; 8]);
    for (arguments, status, words) in [
        (
            "subtract flip.nii pre.nii -o out",
            65,
            &["flip.nii", "25°", "12°", "pre.nii", "--allow-mismatch"][..],
        ),
        (
            "subtract longer.nii pre.nii -o out",
            65,
            &["5 × 1 × 1 voxels against 4 × 1 × 1"],
        ),
        (
            "subtract series.nii pre.nii -o out",
            65,
            &["holds 2 volumes"],
        ),
        ("subtract none.nii pre.nii -o out", 66, &["none.nii"]),
        (
            "subtract post.nii pre.nii -o out --sigma none",
            2,
            &["--sigma"],
        ),
        (
            "subtract post.nii pre.nii -o out --sigma 1 --repeat pre.nii",
            2,
            &["--repeat"],
        ),
        (
            "subtract post.nii pre.nii -o out --repeat pre.nii",
            65,
            &["the noise is unknown"],
        ),
        ("subtract post.nii pre.nii", 2, &["--output"]),
    ] {
        exam.refused(arguments, status, words)?;
        assert!(!exam.path("out/hepar.json").exists(), "{arguments}");
    }
    let outcome = exam.done("subtract flip.nii pre.nii -o out --sigma 1 --allow-mismatch")?;
    assert!(
        outcome.stderr.contains("allowed by --allow-mismatch"),
        "{}",
        outcome.stderr
    );
    exam.refused(
        "subtract post.nii pre.nii -o out --sigma 1",
        73,
        &["--force"],
    )?;
    let outcome = exam.done("subtract bare.nii pre.nii -o bare --sigma 1")?;
    assert!(
        outcome.stderr.contains("no JSON sidecar beside bare.nii"),
        "{}",
        outcome.stderr
    );
    Ok(())
}
