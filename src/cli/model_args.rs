//! Options that say which signal model is meant, and over which samples.

use std::path::PathBuf;

use super::named::{Named, NamedAxis};
use crate::model::SignalModel;
use crate::model::signal::Axis;
use crate::volume::bvalues::BvalueList;
use crate::volume::{AxisSource, SeriesAxis, axes};
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

/// The samples of a protocol or a series, one value of each axis a sample.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct AxesArgs {
    /// File of b-values in s/mm² (FSL text, or JSON): short for --axis b=FILE.
    #[arg(long, value_name = "FILE", conflicts_with = "bvals")]
    pub bval: Option<PathBuf>,
    /// b-values in s/mm², such as 50,200,500,750: short for --axis b=LIST.
    #[arg(long, value_name = "LIST")]
    pub bvals: Option<BvalueList>,
    /// Values of an axis of the model in its unit: one a sample, or one for all, such as te=1.1,2.3,3.5 or tr=3.71; or a
    /// file: text with one number a sample, or a table (.tsv) with a column of the axis's name; or a column of a table and
    /// what the first cells of its rows hold, such as s1=hemoglobin.tsv:HbO2@750,800,850. Once for each axis.
    #[arg(long, value_name = "NAME=LIST|FILE")]
    pub axis: Vec<NamedAxis>,
}

impl AxesArgs {
    /// Whether no axis is given.
    pub fn is_empty(&self) -> bool {
        self.bval.is_none() && self.bvals.is_none() && self.axis.is_empty()
    }

    /// The axes of the model in its order, with where their values come from: beside the images, if not given.
    ///
    /// # Errors
    /// [`Error::Usage`] for an axis that the model does not have, or that is given twice.
    pub fn sources(&self, model: &SignalModel) -> Result<Vec<SeriesAxis>> {
        let short = match (&self.bval, &self.bvals) {
            (Some(path), _) => Some(AxisSource::File(path.clone())),
            (None, Some(list)) => Some(AxisSource::List(list.0.clone())),
            (None, None) => None,
        };
        let short = short.map(|source| Named { name: axes::B.into(), value: source });
        let given: Vec<&NamedAxis> = short.iter().chain(&self.axis).collect();
        if let Some(Named { name, .. }) = given.iter().find(|g| model.axes.iter().all(|axis| axis.name != g.name)) {
            let names: Vec<&str> = model.axes.iter().map(|axis| axis.name.as_str()).collect();
            let problem = format!("the model `{}` has no axis `{name}`", model.name);
            return Err(Error::Usage(format!("{problem}\n  remedy: its axes are {}", names.join(", "))));
        }
        let source = |axis: &Axis| {
            let mut of_axis = given.iter().filter(|named| named.name == axis.name);
            let source = of_axis.next().map_or(AxisSource::Beside, |named| named.value.clone());
            if of_axis.next().is_some() {
                let problem = format!("values are given twice for the axis `{}`", axis.name);
                return Err(Error::Usage(format!("{problem}\n  remedy: give them once")));
            }
            Ok(SeriesAxis { name: axis.name.clone(), unit: axis.unit.clone(), source })
        };
        model.axes.iter().map(source).collect()
    }

    /// `[axis][sample]` in the order of the model's axes, in their units, where there are no images.
    ///
    /// # Errors
    /// Those of [`Self::sources`] and [`SeriesAxis::given`]; [`Error::Usage`] for numbers of values that differ.
    pub fn of(&self, model: &SignalModel) -> Result<Vec<Vec<f64>>> {
        let sources = self.sources(model)?;
        let values = sources.iter().map(SeriesAxis::given).collect::<Result<_>>()?;
        let remedy = "give each axis one value a sample, or one for all of them";
        axes::together(&sources, values).map_err(|problem| Error::Usage(format!("{problem}\n  remedy: {remedy}")))
    }
}

/// Images that multiply the values of axes voxel by voxel.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Series")]
pub struct ScaleArgs {
    /// Image that multiplies the values of an axis voxel by voxel; voxels where it is not above 0 are not fitted. Once for
    /// each axis; of non-linear fits.
    #[arg(long, value_name = "NAME=FILE")]
    pub axis_scale: Vec<Named<PathBuf>>,
    /// Image of the factor on b that gradients which are not linear make: short for --axis-scale b=FILE.
    #[arg(long, value_name = "FILE")]
    pub b_scale: Option<PathBuf>,
    /// Image of the factor on flip angles, of the transmitted field over what it was meant to be: short for --axis-scale
    /// flip_angle=FILE.
    #[arg(long, value_name = "FILE")]
    pub b1: Option<PathBuf>,
}

impl ScaleArgs {
    /// The names of axes with their images.
    pub fn list(self) -> Vec<(String, PathBuf)> {
        let short = [(axes::B, self.b_scale), (axes::FLIP_ANGLE, self.b1)];
        let short = short.into_iter().filter_map(|(axis, path)| Some((axis.to_owned(), path?)));
        short.chain(self.axis_scale.into_iter().map(Into::into)).collect()
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
        let one_for_all = [vec![0.0, 800.0], vec![60.0; 2]];
        assert_eq!(of("--bvals 0,800 --axis TE=60").unwrap(), one_for_all);
        for (options, said) in [
            ("--bvals 0,800", "no values are given for the axis `TE`"),
            ("--axis TE=1", "no values are given for the axis `b`"),
            ("--bvals 0,800 --axis b=0,1 --axis TE=1,2", "values are given twice for the axis `b`"),
            ("--bvals 0,800,900 --axis TE=1,2", "3 of `b`, 2 of `TE`"),
            ("--bvals 0,800 --axis TE=1,2 --axis TR=1,2", "no axis `TR`"),
        ] {
            let error = of(options).unwrap_err();
            assert_eq!(error.exit_status(), 2);
            assert!(error.to_string().contains(said) && error.to_string().contains("remedy"), "{error}");
        }
    }
}
