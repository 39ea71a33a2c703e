//! `hepar subtract`: by hand, resampled, and on real anatomy, on every device.

use std::path::Path;

use libtest_mimic::{Failed, Trial};

use crate::exam::{
    Exam, expect_same, first_difference, grid, pair, real_phases, with_data_on_every_device,
};
use crate::support::{TestDevice, on_every_device};

pub fn trials() -> Vec<Trial> {
    let mut trials = on_every_device("subtract::hand_computed", hand_computed);
    trials.extend(on_every_device("subtract::resampled_onto_the_unenhanced_grid", resampled));
    trials.push(Trial::test("subtract::labels", labels));
    trials.extend(with_data_on_every_device("subtract::real_anatomy", real_anatomy));
    trials
}

fn hand_computed(device: &TestDevice) -> Result<(), Failed> {
    let exam = pair();
    let outcome = exam.done(&format!(
        "subtract post.nii pre.nii --sigma 5 -o out --device {}",
        device.0
    ))?;
    assert!(!outcome.stderr.contains("left out"), "{}", outcome.stderr);
    assert!(
        outcome.stdout.contains("subtraction_unaligned"),
        "{}",
        outcome.stdout
    );
    let nan = f32::NAN;
    let per_noise = 1.0 / (5.0 * std::f32::consts::SQRT_2);
    let want = [
        ("subtraction_unaligned", [50.0, 3.0, 50.0, nan]),
        ("relative_enhancement_unaligned", [50.0, 1.0, nan, nan]),
        (
            "noise_scaled_enhancement_unaligned",
            [50.0 * per_noise, 3.0 * per_noise, 50.0 * per_noise, nan],
        ),
        ("status", [0.0, 0.0, 2.0, 1.0]),
    ];
    for (name, values) in want {
        let got = exam.map(&format!("out/{name}"));
        expect_same(name, &got, &values, 1e-6)?;
        let mut off = values;
        off[1] += 1e-3;
        assert!(
            first_difference(&got, &off, 1e-6).is_some(),
            "{name}: an error must be noticed"
        );
    }
    let sidecar = exam.json("out/subtraction_unaligned.json");
    assert_eq!(sidecar["aligned"], false);
    assert_eq!(sidecar["noise"]["sigma"], 5.0);
    assert!(
        sidecar["title"]
            .as_str()
            .unwrap()
            .contains("unaligned: misregistration")
    );
    assert_eq!(sidecar["inputs_sha256"].as_array().unwrap().len(), 2);
    Ok(())
}

/// Post is a ramp along i, on a grid that is half a voxel further: interpolated it is the ramp again.
fn resampled(device: &TestDevice) -> Result<(), Failed> {
    let exam = Exam::new();
    let ramp = |origin: f64| -> Vec<f32> {
        (0..160)
            .map(|v| (100.0 + origin + 2.0 * f64::from(v % 16)) as f32)
            .collect()
    };
    exam.image("pre", &grid([16, 5, 2], [0.0; 3]), &ramp(0.0));
    exam.image("post", &grid([16, 5, 2], [1.0, 0.0, 0.0]), &ramp(1.0));
    let arguments = format!(
        "subtract post.nii pre.nii --sigma 1 -o out --device {}",
        device.0
    );
    exam.refused(
        &arguments,
        65,
        &["post.nii", "0.50 voxels (1.00 mm) apart", "--resample"],
    )?;
    let outcome = exam.done(&format!("{arguments} --resample"))?;
    assert!(
        outcome
            .stderr
            .contains("resampled onto the grid of pre.nii"),
        "{}",
        outcome.stderr
    );
    let got = exam.map("out/subtraction_unaligned");
    // The first column lies half a voxel before the centres: at the edge of the outermost voxel, which has its value.
    let want: Vec<f32> = (0..160)
        .map(|v| if v % 16 == 0 { 1.0 } else { 0.0 })
        .collect();
    let worst = |want: &[f32]| {
        got.iter()
            .zip(want)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max)
    };
    assert!(worst(&want) <= 1e-5, "{}", worst(&want));
    assert!(worst(&vec![0.01; 160]) > 1e-5, "an error must be noticed");
    assert_eq!(
        exam.json("out/subtraction_unaligned.json")["resampled"]["post"],
        true
    );

    // Further away, part of it is outside: no value, flagged.
    exam.image("post", &grid([16, 5, 2], [10.0, 0.0, 0.0]), &ramp(10.0));
    let outcome = exam.done(&format!("{arguments} --resample --force"))?;
    assert!(
        outcome.stderr.contains("50 of 160 voxels lie outside"),
        "{}",
        outcome.stderr
    );
    let (got, status) = (
        exam.map("out/subtraction_unaligned"),
        exam.map("out/status"),
    );
    for v in 0..160 {
        let outside = v % 16 < 5;
        assert_eq!(
            (got[v].is_nan(), status[v] == 1.0),
            (outside, outside),
            "voxel {v}"
        );
    }
    Ok(())
}

fn labels() -> Result<(), Failed> {
    let exam = pair();
    exam.image("labels", &grid([4, 1, 1], [0.0; 3]), &[1.0, 1.0, 0.0, 2.0]);
    exam.done("subtract post.nii pre.nii -o out --sigma 1 --labels labels.nii")?;
    let table = std::fs::read_to_string(exam.path("out/regions.tsv"))?;
    let row = table
        .lines()
        .find(|line| line.starts_with("label 1\t1\tsubtraction_unaligned"))
        .unwrap_or_default();
    let fields: Vec<&str> = row.split('\t').collect();
    assert_eq!(fields.get(4..7), Some(&["2", "0", "26.5"][..]), "{table}");
    Ok(())
}

/// Two flip angles stand for before and after.
fn real_anatomy(data: &Path, device: &TestDevice) -> Result<(), Failed> {
    let (exam, _, volumes) = real_phases(data, ["post", "pre", "c", "d", "e"]);
    let outcome = exam.done(&format!("subtract post.nii pre.nii -o out --device {}", device.0))?;
    // The scanner set most of the air to 0, so the background tells nothing of the noise.
    assert!(
        outcome.stderr.contains("the scanner has cut it off"),
        "{}",
        outcome.stderr
    );
    let each = |f: fn(f64, f64) -> f64| -> Vec<f32> {
        let pairs = volumes[0].iter().zip(&volumes[1]);
        pairs
            .map(|(&post, &pre)| f(post.into(), pre.into()) as f32)
            .collect()
    };
    let subtraction = each(|post, pre| post - pre);
    expect_same(
        "subtraction",
        &exam.map("out/subtraction_unaligned"),
        &subtraction,
        1e-6,
    )?;
    let relative = each(|post, pre| {
        if pre > 0.0 {
            100.0 * (post - pre) / pre
        } else {
            f64::NAN
        }
    });
    expect_same(
        "relative",
        &exam.map("out/relative_enhancement_unaligned"),
        &relative,
        1e-6,
    )?;
    let mut off = relative.clone();
    off.rotate_left(1);
    assert!(
        first_difference(&exam.map("out/relative_enhancement_unaligned"), &off, 1e-6).is_some()
    );
    Ok(())
}
