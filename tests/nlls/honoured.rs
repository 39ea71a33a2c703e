//! What a model's file declares of a parameter is what a fit does: its bounds, its scale, its start.

use hepar::device::Precision;
use hepar::fit::nlls::{Effort, NllsOptions, Problem};
use hepar::fit::status;
use hepar::model::SignalModel;
use hepar::model::signal::{Parameter, ParameterKind};
use libtest_mimic::{Failed, Trial};

use super::{Maps, cpu, fit};
use crate::protocol;

const B: [f64; 12] = [0.0, 10.0, 20.0, 40.0, 80.0, 140.0, 200.0, 300.0, 400.0, 600.0, 800.0, 1500.0];

type Test = fn(&SignalModel) -> Result<(), Failed>;

pub fn trials() -> Vec<Trial> {
    let trial = |(what, test): (&str, Test)| {
        SignalModel::all()
            .iter()
            // What is in units of the signal has no finite bound.
            .filter(|model| what != "bounds" || model.parameters.iter().any(|parameter| !parameter.is_signal()))
            .map(|model| Trial::test(format!("nlls_honours_{what}_of_{}", model.name), move || test(model)))
            .collect::<Vec<_>>()
    };
    let tests: [(&str, Test); 3] =
        [("bounds", bounds), ("scales", scales), ("starts", starts)];
    tests.into_iter().flat_map(trial).collect()
}

fn typical(parameter: &Parameter) -> f64 {
    match parameter.kind {
        ParameterKind::Fixed(value) => value,
        ParameterKind::Fitted { bounds: [low, high], scale, .. } => (0.8 * scale).clamp(low, high),
    }
}

/// Noiseless signals of the model with these values of all parameters; `None` where there are none.
fn signal(model: &SignalModel, values: &[f64]) -> Result<Option<Vec<f64>>, Failed> {
    let problem = Problem::new(model, &protocol::of(model, &B)?, &NllsOptions::default())?;
    let fitted: Vec<f64> = problem.choice.fitted().zip(&problem.scales).map(|(i, scale)| values[i] / scale).collect();
    let signals = problem.program.signals(&fitted);
    Ok(signals.iter().all(|s| s.is_finite()).then_some(signals))
}

fn fitted(model: &SignalModel, options: &NllsOptions, signal: &[f64]) -> Result<Maps, Failed> {
    fit(&cpu(Precision::F64), model, &protocol::of(model, &B)?, options, &[signal.to_vec()])
}

/// Of signals beyond a bound, the fit stays within it and says so; with the bound farther out it goes there.
fn bounds(model: &SignalModel) -> Result<(), Failed> {
    let typical: Vec<f64> = model.parameters.iter().map(typical).collect();
    let mut looked_at = 0;
    for (i, parameter) in model.parameters.iter().enumerate() {
        let ParameterKind::Fitted { bounds: [low, high], scale, .. } = parameter.kind else { continue };
        if parameter.is_signal() {
            continue;
        }
        let above = 0.3 * scale.min(high - low);
        // What is divided by has no value on the other side of 0.
        let below = if low > 0.0 { above.min(0.5 * low) } else { above };
        for (bound, truth) in [(low, low - below), (high, high + above)] {
            let beyond = (bound - truth).abs();
            let mut values = typical.clone();
            values[i] = truth;
            let Some(signal) = signal(model, &values)? else { continue };
            let inside = fitted(model, &NllsOptions::default(), &signal)?;
            let found = inside[&parameter.name][0];
            let name = &parameter.name;
            // The file's value in f64, times and over its scale.
            let rounding = 1e-12 * bound.abs();
            assert!((low - rounding..=high + rounding).contains(&found), "{name} is {found}, beyond {low}..{high}");
            let wider = [low - 1.5 * below, high + 1.5 * above];
            let options = NllsOptions { bounds: vec![(name.clone(), wider)], ..NllsOptions::default() };
            let free = fitted(model, &options, &signal)?[name][0];
            if (free - truth).abs() > 0.05 * beyond {
                // Other parameters' bounds, or an exchange of two components, keep it elsewhere.
                continue;
            }
            let at_bound = inside["status"][0] as u16 & status::AT_BOUND != 0;
            assert!(at_bound, "{name}, truth {truth}: no remark that a bound was reached");
            looked_at += 1;
        }
    }
    println!("{}: {looked_at} bounds were reached", model.name);
    assert!(looked_at > 0, "no bound was looked at");
    Ok(())
}

/// The engine's unit is the declared scale, and another one leads to the same fit.
fn scales(model: &SignalModel) -> Result<(), Failed> {
    let values: Vec<f64> = model.parameters.iter().map(typical).collect();
    let signal = signal(model, &values)?.ok_or("no signal")?;
    let declared = Problem::new(model, &protocol::of(model, &B)?, &NllsOptions::default())?;
    let before = fitted(model, &NllsOptions::default(), &signal)?;
    for (place, i) in declared.choice.fitted().enumerate() {
        let mut other = model.clone();
        let ParameterKind::Fitted { scale, .. } = &mut other.parameters[i].kind else { continue };
        assert_eq!(declared.scales[place], *scale);
        *scale *= 3.0;
        let name = &model.parameters[i].name;
        assert_eq!(Problem::new(&other, &protocol::of(model, &B)?, &NllsOptions::default())?.scales[place], declared.scales[place] * 3.0);
        let after = fitted(&other, &NllsOptions::default(), &signal)?;
        for name in model.parameters.iter().map(|p| &p.name).filter(|name| before.contains_key(*name)) {
            let (a, b) = (before[name][0], after[name][0]);
            assert!((a - b).abs() <= 1e-4 * a.abs(), "{name} was {a}, and is {b} with another scale");
        }
        assert!(before[name][0] != 0.0, "{name} would be the same in any scale");
    }
    Ok(())
}

/// Fits start from what is declared, or asked for.
fn starts(model: &SignalModel) -> Result<(), Failed> {
    let effort = Effort::of(Precision::F32);
    for parameter in &model.parameters {
        let ParameterKind::Fitted { bounds: [low, high], scale, start, .. } = parameter.kind else { continue };
        if parameter.is_signal() {
            continue;
        }
        let asked = (0.7 * scale).clamp(low, high);
        let options = NllsOptions { start: vec![(parameter.name.clone(), asked)], ..NllsOptions::default() };
        for (options, start) in [(NllsOptions::default(), start), (options, Some(asked))] {
            let problem = Problem::new(model, &protocol::of(model, &B)?, &options)?;
            let place = problem.choice.fitted().position(|i| model.parameters[i].name == parameter.name).ok_or("place")?;
            let dictionary = problem.dictionary(&effort);
            let at: Vec<f64> = dictionary.nodes.iter().map(|node| node.parameters[place] * scale).collect();
            match start {
                Some(start) => {
                    let is_there = at.iter().all(|value| (value - start).abs() <= 1e-12 * start.abs());
                    assert!(is_there, "{} does not start from {start}: {at:?}", parameter.name);
                }
                None => assert!(
                    dictionary.solved.contains(&place) || at.iter().any(|value| *value != at[0]),
                    "{} starts from one place, which nobody asked for",
                    parameter.name
                ),
            }
        }
    }
    Ok(())
}
