//! What maps must give, written by hand.

/// What an input of a map is bound to.
#[derive(Clone, Copy)]
pub(crate) enum Input {
    /// Whole numbers of a range.
    Image(i32, i32),
    Number(f64),
}

/// A shipped map as its source writes it.
pub(crate) struct ClosedForm {
    pub(crate) map: &'static str,
    /// In the order of the map's inputs.
    pub(crate) inputs: &'static [Input],
    /// `None` where the map is not defined.
    pub(crate) value: fn(&[f64]) -> Option<f64>,
    pub(crate) guarded: bool,
    pub(crate) range: Option<[f64; 2]>,
}

use Input::{Image, Number};

fn when(condition: bool, value: f64) -> Option<f64> {
    condition.then_some(value)
}

/// R1 in 1/s from signals after and before, T1 before (ms), TR (ms) and flip angle (degree), as Tofts 1999 solves the
/// spoiled gradient echo: A = (1 - E10)/(1 - E10 cos) times the ratio of signals, E1 = (1 - A)/(1 - A cos).
fn r1_after(x: &[f64]) -> f64 {
    let (cos, e10) = (x[4].to_radians().cos(), (-x[3] / x[2]).exp());
    let a = x[0] / x[1] * (1.0 - e10) / (1.0 - e10 * cos);
    -1000.0 / x[3] * ((1.0 - a) / (1.0 - a * cos)).ln()
}

pub(crate) const CLOSED_FORMS: &[ClosedForm] = &[
    ClosedForm {
        map: "subtraction",
        inputs: &[Image(-50, 900), Image(0, 500)],
        value: |x| Some(x[0] - x[1]),
        guarded: false,
        range: None,
    },
    ClosedForm {
        map: "relative_enhancement",
        inputs: &[Image(-20, 900), Image(-3, 500)],
        value: |x| when(x[1] > 0.0, (x[0] / x[1] - 1.0) * 100.0),
        guarded: true,
        range: Some([-100.0, 1000.0]),
    },
    ClosedForm {
        map: "noise_scaled_enhancement",
        inputs: &[Image(-50, 900), Image(0, 500), Image(-2, 30)],
        value: |x| {
            when(
                x[2] > 0.0,
                (x[0] - x[1]) / (x[2] * std::f64::consts::SQRT_2),
            )
        },
        guarded: true,
        range: None,
    },
    ClosedForm {
        map: "signal_loss_absolute",
        inputs: &[Image(50, 900), Image(0, 500), Image(100, 300), Number(5.0)],
        value: |x| {
            let [wash_in, wash_out] = [x[0] - x[2], x[0] - x[1]];
            when(
                wash_in > 3.0 * 5.0 * std::f64::consts::SQRT_2,
                wash_out / wash_in * 100.0,
            )
        },
        guarded: true,
        range: Some([-100.0, 200.0]),
    },
    ClosedForm {
        map: "signal_loss_relative",
        inputs: &[
            Image(-9, 900),
            Image(-60, 500),
            Image(-99, 300),
            Number(5.0),
        ],
        value: |x| {
            let enhances = x[0] - x[2] > 3.0 * 5.0 * std::f64::consts::SQRT_2;
            when(x[0] > 0.0 && enhances, (1.0 - x[1] / x[0]) * 100.0)
        },
        guarded: true,
        range: Some([-100.0, 100.0]),
    },
    ClosedForm {
        map: "liver_to_lesion_ratio",
        inputs: &[Number(120.0), Image(-9, 2000)],
        value: |x| when(x[1] > 0.0, 12_000.0 / x[1]),
        guarded: true,
        range: Some([10.0, 1000.0]),
    },
    ClosedForm {
        map: "lesion_to_liver_contrast",
        inputs: &[Image(-40, 900), Image(-9, 120)],
        value: |x| when(x[1] > 0.0, x[0] / x[1] - 1.0),
        guarded: true,
        range: Some([-1.0, 10.0]),
    },
    ClosedForm {
        map: "lesion_to_liver_contrast_over_sum",
        inputs: &[Image(-40, 900), Image(-9, 120)],
        value: |x| when(x[0] + x[1] > 0.0, 1.0 - 2.0 * x[1] / (x[0] + x[1])),
        guarded: true,
        range: Some([-1.0, 1.0]),
    },
    ClosedForm {
        map: "liver_to_spleen_ratio",
        inputs: &[Image(1, 900), Image(-9, 80)],
        value: |x| when(x[1] > 0.0, x[0] / x[1]),
        guarded: true,
        range: Some([0.1, 10.0]),
    },
    ClosedForm {
        map: "signal_enhancement_ratio_early_over_late",
        inputs: &[Image(50, 900), Image(0, 500), Image(100, 300), Number(5.0)],
        value: |x| {
            let [early, late] = [x[0] - x[2], x[1] - x[2]];
            when(late * late.abs() > 450.0, early / late)
        },
        guarded: true,
        range: Some([0.0, 10.0]),
    },
    ClosedForm {
        map: "signal_fat_fraction",
        inputs: &[Image(-9, 900), Image(-20, 700)],
        value: |x| when(x[0] > 0.0, 50.0 - 50.0 * x[1] / x[0]),
        guarded: true,
        range: Some([-10.0, 50.0]),
    },
    ClosedForm {
        map: "dixon_fat_fraction",
        inputs: &[Image(-9, 400), Image(-20, 700)],
        value: |x| when(x[0] + x[1] > 0.0, 100.0 * (1.0 - x[1] / (x[0] + x[1]))),
        guarded: true,
        range: Some([0.0, 100.0]),
    },
    ClosedForm {
        map: "t2_two_echoes",
        // A quotient near 1 would lose digits in its logarithm.
        inputs: &[Image(300, 900), Image(-9, 200), Number(40.0), Number(40.5)],
        value: |x| when(x[0] > x[1] && x[1] > 0.0, 0.5 / (x[0].ln() - x[1].ln())),
        guarded: true,
        range: Some([1.0, 5000.0]),
    },
    ClosedForm {
        map: "delta_r1",
        // A difference of nearly equal rates would lose digits.
        inputs: &[Image(-9, 300), Image(400, 1500)],
        value: |x| {
            when(
                x[0] > 0.0 && x[1] > 0.0,
                1e3 * (x[1] - x[0]) / (x[0] * x[1]),
            )
        },
        guarded: true,
        range: Some([-5.0, 100.0]),
    },
    ClosedForm {
        map: "arterial_enhancement_above_liver",
        inputs: &[Image(-50, 900), Image(0, 500), Number(37.5)],
        value: |x| Some(x[0] - (x[1] + 37.5)),
        guarded: false,
        range: None,
    },
    ClosedForm {
        map: "signal_enhancement_ratio_late_over_peak",
        inputs: &[Image(0, 500), Image(50, 900), Image(100, 300), Number(5.0)],
        value: |x| {
            let [late, peak] = [x[0] - x[2], x[1] - x[2]];
            when(peak * peak.abs() > 450.0, late / peak)
        },
        guarded: true,
        range: Some([-1.0, 1.0]),
    },
    ClosedForm {
        map: "signal_enhancement_ratio_of_relative",
        inputs: &[Image(50, 900), Image(0, 500), Image(-9, 300), Number(5.0)],
        value: |x| {
            let [early, late] = [x[0] - x[2], x[1] - x[2]];
            when(x[2] > 0.0 && late * late.abs() > 450.0, early / late)
        },
        guarded: true,
        range: Some([0.0, 10.0]),
    },
    ClosedForm {
        map: "delta_r1_spgr",
        // More signal would bring E1 near 0, where f32 loses digits; less enhancement, the logarithm near 0.
        inputs: &[Image(20, 31), Image(-1, 1), Image(400, 700), Number(4.0), Number(60.0)],
        value: |x| when(x[1] > 0.0, r1_after(x) - 1000.0 / x[2]),
        guarded: true,
        range: Some([-5.0, 100.0]),
    },
    ClosedForm {
        map: "contrast_concentration_spgr",
        inputs: &[Image(20, 31), Image(-1, 1), Image(400, 700), Number(4.0), Number(60.0), Number(4.5)],
        value: |x| when(x[1] > 0.0, (r1_after(x) - 1000.0 / x[2]) / 4.5),
        guarded: true,
        range: Some([-1.0, 25.0]),
    },
    ClosedForm {
        map: "liver_iron_wood",
        inputs: &[Image(-9, 2500)],
        value: |x| when(x[0] > 0.0, (127.0 * x[0] + 1010.0) / 5000.0),
        guarded: true,
        range: Some([0.0, 50.0]),
    },
    ClosedForm {
        map: "liver_iron_2022",
        // Below 7 /s a difference of nearly equal numbers would lose digits.
        inputs: &[Image(-9, 2500)],
        value: |x| when(x[0] > 0.0, (2603.0 * x[0] - 16_000.0) / 1e5),
        guarded: true,
        range: Some([0.0, 50.0]),
    },
    ClosedForm {
        map: "suv_body_weight",
        inputs: &[Image(-2000, 2500), Image(-2, 120), Number(5e5)],
        value: |x| when(x[1] > 0.0, x[0] / (5e5 / (x[1] * 1000.0))),
        guarded: true,
        range: Some([-1.0, 500.0]),
    },
];
