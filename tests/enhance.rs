//! `hepar enhance`: curves worked out by hand, tables, and real anatomy, on every device.

use std::path::Path;

use libtest_mimic::{Failed, Trial};

use crate::exam::{
    ARTERIAL, CURVE_MAPS, DELAYED, PHASES, PORTAL, UNENHANCED, examination, expect_same, first_difference,
    real_phases, voxels, with_data_on_every_device,
};
use crate::support::{TestDevice, on_every_device};

pub fn trials() -> Vec<Trial> {
    let mut trials = on_every_device("enhance::hand_computed", hand_computed);
    trials.extend(on_every_device("enhance::a_series_is_the_same_curve", a_series_is_the_same_curve));
    trials.push(Trial::test("enhance::tables", tables));
    trials.extend(with_data_on_every_device("enhance::real_anatomy", real_anatomy));
    trials
}

const NAN: f32 = f32::NAN;

fn hand_computed(device: &TestDevice) -> Result<(), Failed> {
    let exam = examination();
    let arguments = format!(
        "enhance {PHASES} --agent extracellular --sigma 1 -o out --device {}",
        device.0
    );
    let outcome = exam.done(&arguments)?;
    assert!(!outcome.stderr.contains("left out"), "{}", outcome.stderr);
    let third = 100.0 / 3.0;
    // Area of the first: 32·80/2 + 36·(80 + 50)/2 + 112·(50 + 20)/2; of the third: 32·5 + 36·20 + 112·40.
    let want = [
        ("subtraction_arterial_unaligned", [80.0, 0.0, 10.0, 50.0]),
        ("subtraction_portal_unaligned", [50.0, 1.0, 30.0, NAN]),
        ("subtraction_delayed_unaligned", [20.0, -1.0, 50.0, 10.0]),
        (
            "relative_enhancement_arterial_unaligned",
            [80.0, 0.0, 20.0, 50.0],
        ),
        (
            "relative_enhancement_portal_unaligned",
            [50.0, third / 100.0, 60.0, NAN],
        ),
        (
            "relative_enhancement_delayed_unaligned",
            [20.0, -third / 100.0, 100.0, 10.0],
        ),
        ("peak_enhancement_unaligned", [80.0, 1.0, 50.0, NAN]),
        ("time_to_peak_unaligned", [32.0, NAN, 180.0, NAN]),
        ("wash_in_slope_unaligned", [2.5, 1.0 / 36.0, 20.0 / 36.0, NAN]),
        ("area_under_enhancement_unaligned", [7540.0, 18.0, 5360.0, NAN]),
        ("curve_type_unaligned", [3.0, 0.0, 1.0, 0.0]),
        ("signal_loss_absolute_portal_unaligned", [37.5, NAN, -200.0, NAN]),
        ("signal_loss_absolute_delayed_unaligned", [75.0, NAN, -400.0, 80.0]),
        (
            "signal_loss_relative_portal_unaligned",
            [third / 2.0, NAN, -third, NAN],
        ),
        (
            "signal_loss_relative_delayed_unaligned",
            [third, NAN, -2.0 * third, 80.0 / 3.0],
        ),
        // 16 not enhanced, 8 no value, 4 implausible, 2 guard failed, 1 bad input.
        ("status", [0.0, 18.0, 4.0, 1.0]),
    ];
    let mut names: Vec<&str> = want.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(exam.maps("out"), names);
    for (name, values) in want {
        let got = exam.map(&format!("out/{name}"));
        expect_same(name, &got, &values, 1e-6)?;
        let mut off = values;
        off[0] += 1e-3 + 1e-3 * off[0];
        assert!(
            first_difference(&got, &off, 1e-6).is_some(),
            "{name}: an error must be noticed"
        );
    }
    Ok(())
}

fn a_series_is_the_same_curve(device: &TestDevice) -> Result<(), Failed> {
    let exam = examination();
    let volumes = [UNENHANCED, UNENHANCED, ARTERIAL, PORTAL, DELAYED].concat();
    exam.image("series", &voxels(), &volumes);
    exam.text("times.txt", "-10, 0, 32, 68, 180\n");
    let device = &device.0;
    exam.done(&format!(
        "enhance {PHASES} --agent extracellular --sigma 1 -o phases --device {device}"
    ))?;
    exam.done(&format!(
        "enhance --series series.nii --times times.txt --late-from 180 --agent extracellular --sigma 1 -o series --device {device}"
    ))?;
    assert_eq!(exam.maps("series").len(), CURVE_MAPS.len() + 1);
    for name in CURVE_MAPS {
        let [a, b] = ["phases", "series"].map(|folder| exam.map(&format!("{folder}/{name}")));
        expect_same(name, &a, &b, 0.0)?;
    }
    // Without the frame at 68 s the curve is another.
    exam.image(
        "series",
        &voxels(),
        &[UNENHANCED, ARTERIAL, DELAYED].concat(),
    );
    exam.text("times.txt", "0 32 180");
    exam.done(&format!(
        "enhance --series series.nii --times times.txt --late-from 180 --agent extracellular --sigma 1 -o series --force --device {device}"
    ))?;
    let [a, b] = ["phases", "series"].map(|f| exam.map(&format!("{f}/area_under_enhancement_unaligned")));
    assert!(first_difference(&a, &b, 1e-3).is_some());
    Ok(())
}

fn tables() -> Result<(), Failed> {
    let exam = examination();
    exam.image("labels", &voxels(), &[1.0, 2.0, 1.0, 0.0]);
    exam.text("labels.tsv", "index\tname\n1\tlesion\n2\tnodule\n");
    exam.done(&format!(
        "enhance {PHASES} --agent extracellular --sigma 1 --labels labels.nii -o out"
    ))?;
    let table = std::fs::read_to_string(exam.path("out/curves.tsv"))?;
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    assert_eq!(
        rows[0],
        [
            "region",
            "label",
            "phase",
            "seconds",
            "quantity",
            "unit",
            "n",
            "n_nonfinite",
            "mean",
            "sd",
            "median",
            "q1",
            "q3",
            "min",
            "max",
            "p5",
            "p95",
            "skewness",
            "excess_kurtosis"
        ]
    );
    let row = |region: &str, phase: &str, quantity: &str| -> Vec<&str> {
        let found = rows
            .iter()
            .find(|row| row[0] == region && row[2] == phase && row[4] == quantity);
        found.cloned().unwrap_or_default()
    };
    // Two voxels, 180 and 60: sd is 120/√2.
    let arterial = row("lesion", "arterial", "signal");
    assert_eq!(arterial[3], "32");
    assert_eq!(arterial[6..9], ["2", "0", "120"]);
    assert!((arterial[9].parse::<f64>()? * std::f64::consts::SQRT_2 / 120.0 - 1.0).abs() < 1e-6);
    assert_eq!(arterial[10..], ["120", "90", "150", "60", "180", "66", "174", "0", "-2"]);
    assert_eq!(row("lesion", "delayed", "relative_enhancement")[8], "60");
    assert_eq!(row("nodule", "unenhanced", "signal")[3], "");
    assert!(row("nodule", "unenhanced", "subtraction").is_empty());
    for picture in ["curves.png", "peak_enhancement_unaligned.png", "curve_type_unaligned.png"] {
        assert!(
            std::fs::read(exam.path(&format!("out/{picture}")))?.starts_with(b"\x89PNG"),
            "{picture}"
        );
    }
    assert!(exam.path("out/regions.tsv").is_file());
    Ok(())
}

/// Five flip angles stand for five phases. What each voxel must give is worked out here again, in f64.
fn real_anatomy(data: &Path, device: &TestDevice) -> Result<(), Failed> {
    let (exam, _, volumes) = real_phases(data, ["u", "a", "p", "d", "e"]);
    let phases =
        format!("{PHASES} --phase equilibrium=e.nii@600 --agent extracellular --sigma 4 -o");
    exam.done(&format!("enhance {phases} out --device {}", device.0))?;
    let times = [32.0, 68.0, 180.0, 600.0];
    let at = |i: usize, v: usize| f64::from(volumes[i][v]);
    let n = volumes[0].len();
    let per_voxel =
        |f: &dyn Fn(usize) -> f64| -> Vec<f32> { (0..n).map(|v| f(v) as f32).collect() };
    let peak = |v: usize| (1..5).map(|i| at(i, v) - at(0, v)).fold(f64::MIN, f64::max);
    let slope = |v: usize| {
        let slopes = (0..4).map(|i| {
            (at(i + 1, v) - at(i, v)) / (times[i] - if i == 0 { 0.0 } else { times[i - 1] })
        });
        slopes.fold(f64::MIN, f64::max)
    };
    let area = |v: usize| {
        let e = |i: usize| at(i, v) - at(0, v);
        16.0 * e(1) + 18.0 * (e(1) + e(2)) + 56.0 * (e(2) + e(3))
    };
    let got = |name: &str| exam.map(&format!("out/{name}"));
    expect_same("peak", &got("peak_enhancement_unaligned"), &per_voxel(&peak), 1e-6)?;
    expect_same("slope", &got("wash_in_slope_unaligned"), &per_voxel(&slope), 1e-6)?;
    // Sums of some 1000 that nearly cancel: a few units in the last place of the largest.
    let (areas, want) = (got("area_under_enhancement_unaligned"), per_voxel(&area));
    let worst = areas
        .iter()
        .zip(&want)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(worst < 0.05, "area is off by {worst}");
    let shifted = areas
        .iter()
        .zip(&want[1..])
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(shifted > 0.05, "areas of the next voxel must be noticed");
    let enhanced = |v: usize| peak(v) > 12.0 * std::f64::consts::SQRT_2;
    let time = |v: usize| match (1..5).find(|&i| at(i, v) - at(0, v) == peak(v)) {
        Some(i) if enhanced(v) => times[i - 1],
        _ => f64::NAN,
    };
    expect_same("time to peak", &got("time_to_peak_unaligned"), &per_voxel(&time), 0.0)?;
    assert!(
        (0..n).filter(|&v| enhanced(v)).count() > n / 20,
        "enough of the body must enhance"
    );
    Ok(())
}
