//! Plots show each region's curve, its gaps and its phases.

use hepar::report::{Curve, CurvePlot, CurvePoint, PhaseMark, Spacing, Stroke};
use image::RgbImage;
use libtest_mimic::Trial;

use crate::pictures::{decode, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("plots_show_each_curve_and_its_gaps", curves_and_gaps),
        trial("plots_by_the_root_of_time_part_early_phases", root_of_time),
        trial("plots_without_much_to_show_are_drawn", odd_plots),
    ]
}

fn plot<'a>(curves: &'a [Curve<'a>]) -> CurvePlot<'a> {
    CurvePlot {
        title: "Signal",
        subtitle: "",
        across: ["time after injection", "s"],
        spacing: Spacing::Even,
        quantity: "signal",
        unit: "a.u.",
        band: "mean ± sd",
        curves,
        phases: &[
            PhaseMark {
                name: "unenhanced",
                at: 0.0,
            },
            PhaseMark {
                name: "arterial",
                at: 32.0,
            },
            PhaseMark {
                name: "portal",
                at: 68.0,
            },
        ],
        zero: false,
    }
}

fn points(values: [f64; 3]) -> [CurvePoint; 3] {
    let times = [0.0, 32.0, 68.0];
    std::array::from_fn(|n| CurvePoint {
        at: times[n],
        value: values[n],
        low: values[n] - 5.0,
        high: values[n] + 5.0,
    })
}

fn curves_and_gaps() {
    // The first two colours of curves.
    let (blue, vermilion) = ([0, 114, 178], [213, 94, 0]);
    let count = |shown: &RgbImage, colour| shown.pixels().filter(|p| p.0 == colour).count();
    let draw = |first: [f64; 3], zero: bool| {
        let (first, second) = (points(first), points([60.0, 90.0, 80.0]));
        let curves = [
            Curve {
                name: "liver",
                points: &first,
                stroke: Stroke::Joined,
                look: 0,
            },
            Curve {
                name: "spleen",
                points: &second,
                stroke: Stroke::Joined,
                look: 1,
            },
        ];
        decode(
            &CurvePlot {
                zero,
                ..plot(&curves)
            }
            .to_png()
            .unwrap(),
        )
    };
    let whole = draw([50.0, 55.0, 100.0], false);
    assert!(count(&whole, blue) > 800 && count(&whole, vermilion) > 800);
    let with_gap = draw([50.0, f64::NAN, 100.0], false);
    assert!(
        count(&with_gap, blue) < count(&whole, blue) - 500,
        "the gap has no line"
    );
    // With 0 in view the curves are flatter, and lie higher.
    let highest = |shown: &RgbImage| {
        // Left of the legend.
        let mut pixels = shown.enumerate_pixels();
        pixels
            .find(|p| p.0 < 1000 && p.2.0 == vermilion)
            .map(|p| p.1)
    };
    assert_ne!(highest(&whole), highest(&draw([50.0, 55.0, 100.0], true)));
    assert_eq!(
        whole,
        draw([50.0, 55.0, 100.0], false),
        "the same values, the same plot"
    );
}

fn root_of_time() {
    let points = [0.0, 32.0, 1200.0].map(|at| CurvePoint {
        at,
        value: 1.0,
        low: f64::NAN,
        high: f64::NAN,
    });
    let curves = [Curve {
        name: "liver",
        points: &points,
        stroke: Stroke::Markers,
        look: 0,
    }];
    // From the first marker's left edge to the second's, pixels.
    let apart = |spacing| {
        let plot = CurvePlot {
            spacing,
            phases: &[],
            ..plot(&curves)
        };
        let shown = decode(&plot.to_png().unwrap());
        let blue = |x: u32| (0..shown.height()).any(|y| shown.get_pixel(x, y).0 == [0, 114, 178]);
        let edges: Vec<u32> = (1..600).filter(|&x| blue(x) && !blue(x - 1)).collect();
        assert_eq!(edges.len(), 2, "{edges:?}");
        f64::from(edges[1] - edges[0])
    };
    // (√42 − √10)/(√1210 − √10) of the axis instead of 32/1200.
    let expected = (42f64.sqrt() - 10f64.sqrt()) / (1210f64.sqrt() - 10f64.sqrt()) * 1200.0 / 32.0;
    let seen = apart(Spacing::RootOfTime) / apart(Spacing::Even);
    assert!((seen / expected - 1.0).abs() < 0.06, "{seen} {expected}");
    assert_eq!(apart(Spacing::for_times(&[0.0, 32.0, 1200.0])), apart(Spacing::RootOfTime));
}

fn odd_plots() {
    let nan = points([f64::NAN; 3]);
    let flat = points([7.0; 3]);
    let many: Vec<Curve> = (0..40)
        .map(|_| Curve {
            name: "a region with a very long name indeed",
            points: &flat,
                stroke: Stroke::Joined,
                look: 0,
        })
        .collect();
    let phases: Vec<PhaseMark> = (0..60)
        .map(|n| PhaseMark {
            name: "a phase",
            at: f64::from(n),
        })
        .collect();
    for curves in [
        &[][..],
        &[Curve {
            name: "",
            points: &[],
                stroke: Stroke::Joined,
                look: 0,
        }],
        &[Curve {
            name: "none",
            points: &nan,
                stroke: Stroke::Joined,
                look: 0,
        }],
        &[Curve {
            name: "one",
            points: &flat[..1],
                stroke: Stroke::Joined,
                look: 0,
        }],
        &many,
    ] {
        for zero in [false, true] {
            let bare = CurvePlot {
                title: "",
                unit: "",
                band: "",
                phases: &[],
                zero,
                ..plot(curves)
            };
            let crowded = CurvePlot {
                phases: &phases,
                ..plot(curves)
            };
            for odd in [bare, plot(curves), crowded] {
                assert_eq!(decode(&odd.to_png().unwrap()).dimensions(), (1280, 760));
            }
        }
    }
}
