//! Options that say which signal model is meant, and over which samples.

use std::path::PathBuf;

use super::named::NamedList;
use crate::model::SignalModel;
use crate::volume::bvalues::BvalueList;
use crate::{Error, Result};

/// The model.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub struct ModelArgs {
    /// Signal model: one of `hepar models list`.
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Signal model of your own: a TOML file of the form of those in models/signal.
    #[arg(long, value_name = "FILE")]
    pub model_file: Option<PathBuf>,
}

impl ModelArgs {
    /// The model that is meant.
    ///
    /// # Errors
    /// Those of [`SignalModel::builtin`] and [`SignalModel::from_file`].
    pub fn get(&self) -> Result<SignalModel> {
        match (&self.model_file, &self.model) {
            (Some(path), _) => SignalModel::from_file(path),
            (None, Some(name)) => SignalModel::builtin(name).cloned(),
            (None, None) => Err(Error::Usage("no model is given\n  remedy: name one with --model".into())),
        }
    }
}

/// The samples of a protocol, one value of each axis a sample.
#[derive(Debug, Clone, clap::Args)]
pub struct AxesArgs {
    /// b-values in s/mm², one a sample, such as 0,50,400,800: short for --axis b=LIST.
    #[arg(long, value_name = "LIST")]
    pub bvals: Option<BvalueList>,
    /// Values of an axis of the model in its unit, one a sample, such as b=0,200,800. Once for each axis.
    #[arg(long, value_name = "NAME=LIST")]
    pub axis: Vec<NamedList>,
}

impl AxesArgs {
    /// `[axis][sample]` in the order of the model's axes, in their units.
    ///
    /// # Errors
    /// [`Error::Usage`] for an axis that is missing, unknown or given twice, and for lists of different lengths.
    pub fn of(&self, model: &SignalModel) -> Result<Vec<Vec<f64>>> {
        let short = self.bvals.iter().map(|list| ("b", &list.0));
        let given: Vec<(&str, &Vec<f64>)> =
            short.chain(self.axis.iter().map(|a| (a.name.as_str(), &a.value))).collect();
        let names = model.axes.iter().map(|axis| axis.name.as_str()).collect::<Vec<_>>().join(", ");
        if let Some((name, _)) = given.iter().find(|(name, _)| model.axes.iter().all(|axis| axis.name != *name)) {
            let problem = format!("the model `{}` has no axis `{name}`", model.name);
            return Err(Error::Usage(format!("{problem}\n  remedy: its axes are {names}")));
        }
        let mut axes = Vec::new();
        for axis in &model.axes {
            let option = if axis.name == "b" { "--bvals LIST".into() } else { format!("--axis {}=LIST", axis.name) };
            let mut of_axis = given.iter().filter(|(name, _)| *name == axis.name);
            match (of_axis.next(), of_axis.next()) {
                (Some((_, values)), None) => axes.push((*values).clone()),
                (found, _) => {
                    let problem = if found.is_none() { "no values are given" } else { "values are given twice" };
                    let remedy = format!("give one value a sample, once, with {option}");
                    return Err(Error::Usage(format!("{problem} for the axis `{}`\n  remedy: {remedy}", axis.name)));
                }
            }
        }
        let lengths: Vec<usize> = axes.iter().map(Vec::len).collect();
        if lengths.iter().any(|&n| n != lengths[0]) {
            let problem = format!("the axes {names} have {lengths:?} values");
            return Err(Error::Usage(format!("{problem}\n  remedy: give each as many values as there are samples")));
        }
        Ok(axes)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Both {
        #[command(flatten)]
        model: ModelArgs,
        #[command(flatten)]
        axes: AxesArgs,
    }

    fn parsed(options: &str) -> Result<Both, clap::Error> {
        Both::try_parse_from(["hepar"].into_iter().chain(options.split(' ')))
    }

    const TWO_AXES: &str = "schema = 1\ntitle = ''\nreference = ''\nsignal = 'S0 * exp(-b * D - TE / T2)'\n\
        [axis.b]\nunit = 's/mm^2'\n[axis.TE]\nunit = 'ms'\n[parameter.S0]\nunit = 'signal'\nbounds = [0, inf]\ndoc = ''\n\
        [parameter.D]\nunit = 'mm^2/s'\nbounds = [0, 1]\nscale = 1\ndoc = ''\n\
        [parameter.T2]\nunit = 'ms'\nbounds = [1, 300]\nscale = 50\ndoc = ''\n";

    #[test]
    fn one_model_is_named() {
        assert_eq!(parsed("--model ivim").unwrap().model.get().unwrap().name, "ivim");
        assert!(parsed("--model ivim --model-file x.toml").is_err());
        assert!(parsed("--bvals 0,1").is_err());
        assert_eq!(parsed("--model-file no-such.toml").unwrap().model.get().unwrap_err().exit_status(), 66);
        assert_eq!(parsed("--model ivmi").unwrap().model.get().unwrap_err().exit_status(), 2);
    }

    #[test]
    fn axes_come_in_the_order_of_the_model() {
        let two = SignalModel::parse("two", TWO_AXES, Path::new("two.toml")).unwrap();
        let of = |options: &str| parsed(&format!("--model adc {options}")).unwrap().axes.of(&two);
        let expected = [vec![0.0, 800.0], vec![50.0, 70.0]];
        assert_eq!(of("--axis TE=50,70 --bvals 0,800").unwrap(), expected);
        assert_eq!(of("--axis b=0,800 --axis TE=50,70").unwrap(), expected);
        for (options, said) in [
            ("--bvals 0,800", "no values are given for the axis `TE`"),
            ("--axis TE=1", "no values are given for the axis `b`"),
            ("--bvals 0,800 --axis b=0,1 --axis TE=1,2", "values are given twice for the axis `b`"),
            ("--bvals 0,800 --axis TE=1", "[2, 1] values"),
            ("--bvals 0,800 --axis TE=1,2 --axis TR=1,2", "no axis `TR`"),
        ] {
            let error = of(options).unwrap_err();
            assert_eq!(error.exit_status(), 2);
            assert!(error.to_string().contains(said) && error.to_string().contains("remedy"), "{error}");
        }
    }
}
