//! Curves worked out by hand, on the CPU in both precisions.

use super::super::timeline::Sample;
use super::*;
use crate::device::cpu::Cpu;
use crate::device::{Row, Source};
use crate::volume::{Scaling, VoxelType};

fn timeline(seconds: &[f64]) -> Timeline {
    let sample = |&t: &f64| Sample { label: "phase".into(), seconds: Some(t) };
    Timeline {
        n_baseline: 1,
        held_until: 0.0,
        samples: seconds.iter().map(sample).collect(),
        n_early: seconds.len() - 1,
    }
}

fn options() -> CurveOptions {
    CurveOptions { auc_end_s: 180.0, late_change: 0.1, enhancement_threshold: 0.0 }
}

/// Peak, time to peak, slope, area, type and status of one voxel.
fn reduce(curve: &[f32], timeline: &Timeline, options: CurveOptions, precision: Precision) -> [f32; 6] {
    let kernel = CurveKernel::new(&Descriptor::ALL, timeline, options);
    assert_eq!(kernel.descriptors(), Descriptor::ALL);
    let rows = curve.chunks(1).map(|s| Row {
        bytes: bytemuck::cast_slice(s),
        voxel_type: VoxelType::F32,
        scaling: Scaling::IDENTITY,
    });
    let source = Source::new(rows.collect(), 1, None);
    let columns = Cpu::new(1, precision).unwrap().run(&kernel, &source);
    std::array::from_fn(|i| columns[i].clone().into_f64()[0] as f32)
}

fn assert_near(got: [f32; 6], want: [f32; 6]) {
    assert!(near(got, want), "{got:?} is not {want:?}");
}

fn near(got: [f32; 6], want: [f32; 6]) -> bool {
    let same = |(a, b): (f32, f32)| (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-6 * b.abs();
    got.into_iter().zip(want).all(same)
}

const BOTH: [Precision; 2] = [Precision::F32, Precision::F64];

#[test]
fn a_curve_that_washes_out() {
    for precision in BOTH {
        let t = timeline(&[32.0, 68.0, 180.0]);
        let got = reduce(&[100.0, 180.0, 150.0, 120.0], &t, options(), precision);
        // Area: 32·80/2 + 36·(80 + 50)/2 + 112·(50 + 20)/2.
        let want = [80.0, 32.0, 2.5, 7540.0, 3.0, 0.0];
        assert_near(got, want);
        for i in 0..want.len() {
            let mut off = want;
            off[i] += 0.01;
            assert!(!near(got, off), "an error in value {i} must be noticed");
        }
    }
}

#[test]
fn the_area_is_interpolated_at_its_end() {
    let t = timeline(&[32.0, 68.0, 180.0]);
    let o = CurveOptions { auc_end_s: 100.0, ..options() };
    let got = reduce(&[100.0, 180.0, 150.0, 120.0], &t, o, Precision::F64)[3];
    let at_100 = 50.0 - 30.0 * 32.0 / 112.0;
    let want = 32.0 * 40.0 + 36.0 * 65.0 + 32.0 * (50.0 + at_100) / 2.0;
    assert!((f64::from(got) - want).abs() < 1e-3, "{got} is not {want}");
}

#[test]
fn the_type_is_the_late_change_relative_to_the_peak() {
    let t = timeline(&[32.0, 68.0, 180.0]);
    // Enhancement of 100 at the peak, so that the tenth is 10.
    for (curve, want) in [
        ([0.0, 100.0, 95.0, 89.0], 3.0),
        ([0.0, 100.0, 95.0, 90.0], 2.0),
        ([0.0, 100.0, 50.0, 95.0], 2.0),
        ([0.0, 40.0, 90.0, 100.0], 2.0),
        ([0.0, 40.0, 89.0, 100.0], 1.0),
        // It rises after the arterial phase, but falls from its peak.
        ([0.0, 20.0, 100.0, 70.0], 3.0),
    ] {
        for precision in BOTH {
            assert_eq!(reduce(&curve, &t, options(), precision)[4], want, "{curve:?}");
        }
    }
}

#[test]
fn a_late_part_of_many_frames_is_compared_with_the_early_peak() {
    let mut t = timeline(&[30.0, 60.0, 120.0, 150.0, 180.0]);
    t.n_early = 2;
    let rising = [0.0, 50.0, 60.0, 92.0, 96.0, 100.0];
    assert_eq!(reduce(&rising, &t, options(), Precision::F32)[4], 1.0);
    t.n_early = 4;
    assert_eq!(reduce(&rising, &t, options(), Precision::F32)[4], 2.0, "96 of 100 is within a tenth");
    t.n_early = 2;
    let late_peak = [0.0, 30.0, 40.0, 100.0, 80.0, 60.0];
    assert_eq!(reduce(&late_peak, &t, options(), Precision::F32)[4], 3.0);
}

#[test]
fn what_does_not_enhance_has_no_time_to_peak_and_no_type() {
    let t = timeline(&[32.0, 68.0, 180.0]);
    let nan = f32::NAN;
    for precision in BOTH {
        let got = reduce(&[100.0, 90.0, 95.0, 80.0], &t, options(), precision);
        let area = -(32.0 * 5.0 + 36.0 * 7.5 + 112.0 * 12.5);
        assert_near(got, [-5.0, nan, 5.0 / 36.0, area, 0.0, f32::from(NOT_ENHANCED)]);
        let o = CurveOptions { enhancement_threshold: 80.0, ..options() };
        let got = reduce(&[100.0, 180.0, 150.0, 120.0], &t, o, precision);
        assert_near(got, [80.0, nan, 2.5, 7540.0, 0.0, f32::from(NOT_ENHANCED)]);
    }
}

#[test]
fn a_sample_that_is_no_number_leaves_no_value() {
    let t = timeline(&[32.0, 68.0, 180.0]);
    let nan = f32::NAN;
    for i in 0..4 {
        for bad in [nan, f32::INFINITY, f32::NEG_INFINITY] {
            let mut curve = [100.0, 180.0, 150.0, 120.0];
            curve[i] = bad;
            for precision in BOTH {
                let got = reduce(&curve, &t, options(), precision);
                assert_near(got, [nan, nan, nan, nan, 0.0, f32::from(BAD_INPUT)]);
            }
        }
    }
}

#[test]
fn a_baseline_is_averaged_and_held() {
    let mut t = timeline(&[10.0, 20.0]);
    (t.n_baseline, t.held_until) = (3, 4.0);
    let o = CurveOptions { auc_end_s: 20.0, ..options() };
    let got = reduce(&[9.0, 10.0, 11.0, 22.0, 40.0], &t, o, Precision::F64);
    // Held at 10 until 4 s: 6·12/2 + 10·(12 + 30)/2; slopes 12/6 and 18/10.
    assert_near(got, [30.0, 20.0, 2.0, 246.0, 1.0, 0.0]);
}

#[test]
fn hundreds_of_frames_follow_the_closed_form() {
    // E = t·exp(1 − t/60): its peak is 60 at 60 s, its area to 180 s is 60²·e·(1 − 4·exp(−3)).
    let seconds: Vec<f64> = (1..=600).map(|i| f64::from(i) * 0.5).collect();
    let mut t = timeline(&seconds);
    t.n_early = 240;
    let curve: Vec<f32> =
        [0.0].iter().chain(&seconds).map(|&t: &f64| (1000.0 + t * (1.0 - t / 60.0).exp()) as f32).collect();
    let got = reduce(&curve, &t, options(), Precision::F32);
    let area = 3600.0 * std::f64::consts::E * (1.0 - 4.0 * (-3.0f64).exp());
    assert_eq!(got[1], 60.0);
    assert!((got[0] - 60.0).abs() < 1e-3);
    assert!((f64::from(got[3]) / area - 1.0).abs() < 1e-4, "{} against {area}", got[3]);
    assert_eq!((got[4], got[5]), (3.0, 0.0));
}

#[test]
fn only_what_is_wanted_and_possible_is_computed() {
    let mut t = timeline(&[32.0, 68.0, 180.0]);
    let names = |t: &Timeline, o| -> Vec<String> {
        let kernel = CurveKernel::new(&Descriptor::ALL, t, o);
        kernel.columns().into_iter().map(|c| c.name).collect()
    };
    let o = CurveOptions { auc_end_s: 181.0, ..options() };
    assert_eq!(names(&t, o), ["peak_enhancement", "time_to_peak", "wash_in_slope", "curve_type", "curve_status"]);
    t.samples[1].seconds = None;
    assert_eq!(names(&t, options()), ["peak_enhancement", "curve_type", "curve_status"]);
    t.n_early = 0;
    assert_eq!(names(&t, options()), ["peak_enhancement", "curve_status"]);
}

#[test]
fn the_shader_is_given_what_it_says() {
    let given = wgsl_constants().lines().map(|line| format!("// given: {line}\n")).collect::<String>();
    assert!(include_str!("../../shaders/curve.wgsl").contains(&given));
}
