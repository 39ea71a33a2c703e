//! Fits reach the lowest minima that there are.

use hepar::device::Precision;
use hepar::fit::nlls::dictionary::Pass;
use hepar::fit::nlls::{NllsKernel, Quantity};
use hepar::model::SignalModel;
use libtest_mimic::{Failed, Trial};

use super::{B, N_VOXELS, Oracle, cpu, excess, kernel, run, simulated, source, squares};
use crate::protocol;
use crate::support::{self, TestDevice};
use crate::tolerances;

const MANY_VOXELS: usize = 100_000;

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("nlls_goes_on_from_where_parameters_are_idle", idle_parameters),
        Trial::test("nlls_leaves_second_starts_out_that_find_nothing", second_starts),
    ];
    for model in SignalModel::all() {
        let name = format!("nlls_{}_reaches_the_minimum", model.name);
        trials.extend(support::on_every_device(&name, |device| reaches_the_minimum(device, model)));
    }
    trials
}

/// f32 finds as low a minimum as f64, which looks for it from more places.
fn reaches_the_minimum(device: &TestDevice, model: &SignalModel) -> Result<(), Failed> {
    let (signals, kernel) = fits(model, MANY_VOXELS)?;
    let source = source(&signals);
    let (got, want) = (run(&device.open(), &kernel, &source)?, run(&cpu(Precision::F64)?, &kernel, &source)?);
    let best = squares(&kernel, &want, &signals, 1.0);
    let (share, median) = excess(&squares(&kernel, &got, &signals, 1.0), &best);
    println!("{}: {:.3} % reach the minimum, median excess {median:.1e}", model.name, 100.0 * share);
    if share < tolerances::NLLS_SHARE || median > tolerances::NLLS_MEDIAN_EXCESS {
        return Err(format!("{share} within the tolerance, median excess {median:e}").into());
    }
    let (share, median) = excess(&squares(&kernel, &got, &signals, 1.01), &best);
    assert!(share < tolerances::NLLS_SHARE && median > tolerances::NLLS_MEDIAN_EXCESS, "1 % must be noticed");
    Ok(())
}

/// Simulated `[sample][voxel]` signals of a model, and what finds their parameters.
fn fits(model: &SignalModel, n_voxels: usize) -> Result<(Vec<Vec<f32>>, NllsKernel), Failed> {
    let axes = protocol::of(model, &B)?;
    let kernel = kernel(model, &axes, |quantity| matches!(quantity, Quantity::Parameter(_)))?;
    Ok((simulated(model, &axes, n_voxels)?, kernel))
}

/// Fits that go on from faces where parameters are idle find minima that are missed without: a third of what is missed, at
/// least.
fn idle_parameters() -> Result<(), Failed> {
    let (signals, kernel) = fits(SignalModel::builtin("triexponential")?, N_VOXELS)?;
    let (source, device) = (source(&signals), cpu(Precision::F64)?);
    let best = squares(&kernel, &run(&device, &kernel, &source)?, &signals, 1.0);
    let mut missed = [0.0; 2];
    for (missed, goes_on) in missed.iter_mut().zip([true, false]) {
        let mut fit = Oracle::with_the_same_starts(&kernel);
        if !goes_on {
            fit.dictionary.idle.clear();
        }
        let (share, _) = excess(&squares(&kernel, &run(&device, &fit, &source)?, &signals, 1.0), &best);
        println!("{:.3} % reach the minimum, going on: {goes_on}", 100.0 * share);
        *missed = 1.0 - share;
    }
    let [with, without] = missed;
    assert!(with <= 1.0 - tolerances::NLLS_SHARE, "{with} are missed");
    assert!(with < without * 2.0 / 3.0, "{with} are missed, {without} without going on");
    Ok(())
}

/// Leaving second starts out costs next to no minimum where both lie in one valley, and more where that is not asked.
fn second_starts() -> Result<(), Failed> {
    let (signals, kernel) = fits(SignalModel::builtin("ivim")?, N_VOXELS)?;
    let (source, device) = (source(&signals), cpu(Precision::F64)?);
    let sums = |pass: Option<Pass>| -> Result<Vec<f64>, Failed> {
        let mut fit = Oracle::with_the_same_starts(&kernel);
        fit.dictionary.pass = pass;
        Ok(squares(&kernel, &run(&device, &fit, &source)?, &signals, 1.0))
    };
    let declared = Oracle::with_the_same_starts(&kernel).dictionary.pass.ok_or("IVIM has no pass")?;
    let everywhere = Pass { nodes: 0..usize::MAX, inside: [f64::NEG_INFINITY, f64::INFINITY], ..declared.clone() };
    let all = sums(None)?;
    for (pass, is_declared) in [(declared, true), (everywhere, false)] {
        let (share, _) = excess(&sums(Some(pass))?, &all);
        println!(
            "{:.3} % find as low a minimum; second starts left out where they may be: {is_declared}",
            100.0 * share
        );
        assert_eq!(share >= tolerances::NLLS_SECOND_STARTS, is_declared, "{share} find as low a minimum");
    }
    Ok(())
}
