//! `hepar design`.

use serde_json::{Value, json};

use super::Session;
use super::console;
use super::options::{AxesArgs, ModelArgs, Named};
use crate::fit::design::{Bound, bounds, reference_sample, sigma};
use crate::measure::rounded;
use crate::model::SignalModel;
use crate::model::signal::program::Choice;
use crate::{Error, Result};

/// Say how well a protocol can measure a model's parameters: the Cramér-Rao bound.
///
/// No unbiased fit has a smaller standard deviation, for Gaussian noise of the same size in every sample (Rician noise is
/// like it where signals are well above it). A bound in one voxel at this noise: the mean over n voxels has a √n-th of it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    axes: AxesArgs,
    /// Signal-to-noise ratio: the signal of the sample with the lowest b (the model's first axis) over the noise's
    /// standard deviation.
    #[arg(long, value_name = "SNR")]
    snr: f64,
    /// True value of a parameter in its unit, such as D=1.1e-3; else its start in the model's file, else its scale.
    #[arg(long, value_name = "NAME=VALUE")]
    truth: Vec<Named<f64>>,
    /// Take a parameter as known, with this value.
    #[arg(long, value_name = "NAME=VALUE")]
    fix: Vec<Named<f64>>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args, _session: &Session) -> Result<()> {
    let model = args.model.get()?;
    let axes = args.axes.of(&model)?;
    let by_name = |list: Vec<Named<f64>>| list.into_iter().map(Into::into).collect::<Vec<(String, f64)>>();
    let (truth, fixed) = (by_name(args.truth), by_name(args.fix));
    if let Some((name, _)) = truth.iter().find(|(name, _)| fixed.iter().any(|(fixed, _)| fixed == name)) {
        let remedy = "leave one of the two out";
        return Err(Error::Usage(format!("both --truth and --fix are given for `{name}`\n  remedy: {remedy}")));
    }
    let mut choice = Choice::with(&model, &fixed)?;
    let truth = model.truth(&[truth, fixed].concat())?;
    // What the model's own file fixes may be given another value, too.
    choice.fixed.iter_mut().zip(&truth).for_each(|(fixed, value)| *fixed = fixed.map(|_| *value));
    if choice.fitted().next().is_none() {
        return Err(Error::Usage("no parameter is left to estimate\n  remedy: fix fewer of them".into()));
    }
    let sigma = sigma(&model, &choice, &axes, &truth, args.snr)?;
    let report = Report {
        bounds: bounds(&model, &choice, &axes, &truth, sigma)?,
        unmet: model.unmet(&axes),
        snr: args.snr,
        model,
        choice,
        axes,
        truth,
        sigma,
    };
    match args.json {
        true => console::print(&format!("{:#}\n", report.json())),
        false => console::print(&report.text()),
    }
}

/// What is printed.
struct Report {
    model: SignalModel,
    choice: Choice,
    axes: Vec<Vec<f64>>,
    truth: Vec<f64>,
    snr: f64,
    sigma: f64,
    bounds: Vec<Bound>,
    unmet: Vec<String>,
}

impl Report {
    fn text(&self) -> String {
        let (mut text, reference) =
            (format!("{}: {}\n", self.model.name, self.model.title), reference_sample(&self.axes));
        let mut at = Vec::new();
        for (axis, values) in self.model.axes.iter().zip(&self.axes) {
            let list: Vec<String> = values.iter().map(f64::to_string).collect();
            text += &format!("{} = {} {} ({} samples)\n", axis.name, list.join(", "), axis.unit, values.len());
            at.push(format!("{} = {}", axis.name, values[reference]));
        }
        let at = at.join(", ");
        text +=
            &format!("SNR {} at {at}: the noise has a standard deviation of {}\n", self.snr, rounded(self.sigma, 4));
        for (parameter, fixed) in self.model.parameters.iter().zip(&self.choice.fixed) {
            if let Some(value) = fixed {
                text += &format!("{} is known: {value} {}\n", parameter.name, parameter.unit);
            }
        }
        let row = |[name, unit, truth, sd, percent]: [&str; 5]| {
            format!("{name:<14}{unit:<10}{truth:>12}{sd:>12}{percent:>12}\n")
        };
        text += &format!("\n{}", row(["parameter", "unit", "truth", "bound (sd)", "bound in %"]));
        for bound in &self.bounds {
            let [truth, sd, percent] = [bound.truth, bound.sd, bound.percent()].map(|x| rounded(x, 4));
            text += &row([&bound.name, &bound.unit, &truth, &sd, &percent]);
        }
        let remarks: Vec<String> = self.bounds.iter().filter_map(Bound::remark).collect();
        if !remarks.is_empty() || !self.unmet.is_empty() {
            text.push('\n');
        }
        for remark in remarks {
            text += &format!("{remark}.\n");
        }
        for unmet in &self.unmet {
            text += &format!("The model needs {unmet}.\n");
        }
        text
    }

    fn json(&self) -> Value {
        let by_axis = self.model.axes.iter().zip(&self.axes).map(|(axis, values)| (axis.name.clone(), json!(values)));
        let parameters = self.model.parameters.iter();
        let truth = parameters.zip(&self.truth).map(|(parameter, value)| (parameter.name.clone(), json!(value)));
        let fixed = self.model.parameters.iter().zip(&self.choice.fixed).filter(|(_, fixed)| fixed.is_some());
        // JSON has no infinity: what cannot be known has no bound.
        let bounds = self.bounds.iter().map(|bound| {
            json!({
                "name": bound.name,
                "unit": bound.unit,
                "truth": bound.truth,
                "sd": bound.sd,
                "percent": bound.percent(),
                "remark": bound.remark(),
            })
        });
        json!({
            "model": self.model.name,
            "axes": by_axis.collect::<serde_json::Map<_, _>>(),
            "snr": self.snr,
            "snr_sample": reference_sample(&self.axes),
            "sigma": self.sigma,
            "truth": truth.collect::<serde_json::Map<_, _>>(),
            "fixed": fixed.map(|(parameter, _)| &parameter.name).collect::<Vec<_>>(),
            "bounds": bounds.collect::<Vec<_>>(),
            "unmet_requirements": self.unmet,
        })
    }
}
