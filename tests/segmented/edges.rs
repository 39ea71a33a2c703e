//! What cannot be fitted, or not within the bounds, says so.

use hepar::fit::{BadSamples, SegmentedOptions, SegmentedOutput, status};
use libtest_mimic::Failed;

use super::{Ivim, fit};
use crate::support::TestDevice;

pub fn edges(device: &TestDevice) -> Result<(), Failed> {
    let b = [400.0, 0.0, 10.0, 20.0, 50.0, 100.0, 200.0, 400.0, 0.0, 800.0];
    let tissue = Ivim { s0: 100.0, d: 1e-3, f: 0.2, dstar: 0.1 };
    let decay = |tissue: Ivim| b.map(|b| tissue.signal(b)).to_vec();
    let with = |bad: &[(usize, f64)]| {
        let mut signals = decay(tissue);
        bad.iter().for_each(|&(obs, value)| signals[obs] = value);
        signals
    };
    let (dropped, at_bound) = (status::SAMPLES_DROPPED, status::AT_BOUND);
    let cases = [
        ("fine", with(&[]), 0),
        ("a sample is NaN", with(&[(4, f64::NAN)]), dropped),
        ("a sample is infinite", with(&[(9, f64::INFINITY)]), dropped),
        ("a sample is negative", with(&[(6, -3.0)]), dropped),
        ("one of two S0 is left", with(&[(1, 0.0)]), dropped),
        ("no S0", with(&[(1, 0.0), (8, f64::NAN)]), status::BAD_INPUT | dropped),
        ("all zero", vec![0.0; 10], status::BAD_INPUT | dropped),
        ("one sample at high b", with(&[(0, 0.0), (6, 0.0), (7, 0.0)]), status::BAD_INPUT | dropped),
        ("one high b, twice", with(&[(6, 0.0), (9, 0.0)]), status::SINGULAR | dropped),
        ("the line starts above S0", with(&[(1, 70.0), (8, 70.0)]), at_bound),
        ("D beyond its bound", decay(Ivim { d: 8e-3, ..tissue }), at_bound),
        ("rising at high b", decay(Ivim { d: -0.5e-3, ..tissue }), at_bound),
        ("flat", vec![5.0; 10], at_bound),
    ];
    let signals: Vec<Vec<f64>> = cases.iter().map(|case| case.1.clone()).collect();
    let maps = fit(&device.open(), &b, &signals, SegmentedOptions::default())?;
    for (v, (name, _, expected)) in cases.iter().enumerate() {
        assert_eq!(maps.get(SegmentedOutput::Status)[v], f64::from(*expected), "{name}");
        let fitted = expected & (status::BAD_INPUT | status::SINGULAR) == 0;
        for output in &SegmentedOutput::ALL[..6] {
            assert_eq!(maps.get(*output)[v].is_nan(), !fitted, "{name}: {output:?}");
        }
    }
    let near = |got: f64, want: f64| (got - want).abs() <= 1e-5 * want.abs();
    for (v, (name, ..)) in cases.iter().enumerate().take(5) {
        let Ivim { s0, d, f, dstar } = maps.voxel(v);
        assert!(near(s0, 100.0) && near(d, 1e-3) && near(f, 0.2) && near(dstar, 0.1), "{name}: {s0} {d} {f} {dstar}");
    }
    // No perfusion: every D* fits as well, and ten times D is given.
    let none = maps.voxel(9);
    assert!(none.f == 0.0 && near(none.d, 1e-3) && near(none.dstar, 1e-2), "{none:?}");
    assert_eq!(maps.get(SegmentedOutput::FDstar)[9], 0.0);
    // f is that of the line as it was found, not as it was clipped.
    let fast = maps.voxel(10);
    assert!(near(fast.d, 5e-3) && near(fast.f, 0.2), "{fast:?}");
    assert!(maps.voxel(11).d == 0.0 && near(maps.voxel(11).f, 0.2), "{:?}", maps.voxel(11));
    let flat = maps.voxel(12);
    assert!(flat.d == 0.0 && flat.f == 0.0 && near(flat.dstar, 5e-3), "{flat:?}");
    // What does not vary has no share of it that a model explains.
    assert!(maps.get(SegmentedOutput::R2)[12].is_nan() && !maps.get(SegmentedOutput::R2)[11].is_nan());

    let strict = SegmentedOptions { bad_samples: BadSamples::Voxel, ..SegmentedOptions::default() };
    let strict = fit(&device.open(), &b, &signals, strict)?;
    let statuses = strict.get(SegmentedOutput::Status);
    assert!(statuses[0] == 0.0 && statuses[1..9].iter().all(|&s| s == f64::from(status::BAD_INPUT | dropped)));
    assert!(strict.get(SegmentedOutput::D)[1..9].iter().all(|d| d.is_nan()));
    Ok(())
}
