//! Options that several subcommands share, and what they mean to the library.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::Result;
use crate::model::SignalModel;
use crate::report::outputs::OutputOptions;
use crate::volume::bvalues::BvalueList;
use crate::volume::series::B_TOLERANCE;
use crate::volume::{Average, Format, Selection, SeriesOptions, TableColumn, VolumeChoice};

pub use super::method_args::MethodArgs;
pub use super::model_args::{AxesArgs, ModelArgs, ScaleArgs};
pub use super::named::{Named, NamedAxis, NamedMap, NamedRange, NumberOrFile};

/// Where results go.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Folder for the results; made if it is not there.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Replace existing results.
    #[arg(long)]
    pub force: bool,
    /// Format of the maps.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Pictures of the maps.
    #[arg(long, value_enum, default_value_t)]
    pub pictures: Pictures,
}

/// What pictures are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Pictures {
    /// One a map.
    #[default]
    Png,
    /// None.
    None,
}

impl From<OutputArgs> for OutputOptions {
    fn from(args: OutputArgs) -> Self {
        Self { dir: args.output, format: args.format, pictures: args.pictures == Pictures::Png, force: args.force }
    }
}

/// How images become a series.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Series")]
pub struct SeriesArgs {
    /// Where each volume lies on the model's axes; beside the images, unless given.
    #[command(flatten)]
    pub axes: AxesArgs,
    /// Use no b-value below this, s/mm².
    #[arg(long, value_name = "B", value_parser = not_negative)]
    pub b_min: Option<f64>,
    /// Use no b-value above this, s/mm².
    #[arg(long, value_name = "B", value_parser = not_negative)]
    pub b_max: Option<f64>,
    /// Use these b-values only, s/mm² (within --b-tolerance).
    #[arg(long, value_name = "LIST")]
    pub b_use: Option<BvalueList>,
    /// Use these volumes only: indices from 0 such as 0-3,7, or the rows of a table, FILE.tsv:COLUMN=VALUE. Given
    /// again, each narrows the last.
    #[arg(long, value_name = "LIST|FILE.tsv:COLUMN=VALUE")]
    pub volumes: Vec<VolumeChoice>,
    /// Average repeats, which agree in all axes, into one volume; those of b = 0, which have no direction, always arithmetically.
    #[arg(long, value_enum, default_value_t)]
    pub average: Average,
    /// Average only repeats that agree in this column of a table with one row a volume: a property of the diffusion
    /// gradient, such as its timing, which makes no difference at b = 0.
    #[arg(long, value_name = "FILE.tsv:COLUMN")]
    pub average_within: Option<TableColumn>,
    /// How far the b-values of repeats may differ, s/mm².
    #[arg(long, value_name = "B", default_value_t = B_TOLERANCE, value_parser = not_negative)]
    pub b_tolerance: f64,
    /// Filter each volume by the in-plane median of 3 x 3 pixels first (zeros beyond the edges).
    #[arg(long, value_name = "SIZE", value_parser = ["3"])]
    pub median: Option<String>,
}

fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.0..f64::INFINITY).contains(&value) => Ok(value),
        _ => Err("give a number from 0 on".into()),
    }
}

impl SeriesArgs {
    /// What they mean for a series of the model's axes. Where no values are given, those beside the images are taken.
    ///
    /// # Errors
    /// Those of [`AxesArgs::sources`].
    pub fn of(self, model: &SignalModel) -> Result<SeriesOptions> {
        Ok(SeriesOptions {
            axes: self.axes.sources(model)?,
            select: Selection {
                b_min: self.b_min,
                b_max: self.b_max,
                b_use: self.b_use.map_or_else(Vec::new, |list| list.0),
                volumes: self.volumes,
            },
            average: self.average,
            average_within: self.average_within,
            b_tolerance: self.b_tolerance,
            median_3x3: self.median.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::volume::{AxisSource, SeriesAxis};

    #[derive(Debug, Parser)]
    struct Both {
        #[command(flatten)]
        series: SeriesArgs,
        #[command(flatten)]
        output: OutputArgs,
    }

    fn of_adc(series: SeriesArgs) -> SeriesOptions {
        series.of(SignalModel::builtin("adc").unwrap()).unwrap()
    }

    fn parsed(options: &str) -> Result<Both, clap::Error> {
        Both::try_parse_from(["hepar", "-o", "out"].into_iter().chain(options.split(' ')))
    }

    #[test]
    fn what_is_not_given_is_the_default() {
        let both = Both::try_parse_from(["hepar", "-o", "out"]).unwrap();
        assert_eq!(of_adc(both.series), SeriesOptions::default());
        let output = OutputOptions::from(both.output);
        assert_eq!(output.dir, PathBuf::from("out"));
        assert_eq!(output.format, Format::NiiGz);
        assert!(output.pictures && !output.force);
    }

    #[test]
    fn every_option_reaches_the_library() {
        let both = parsed(
            "--bvals 0,50,500 --b-min 10 --b-max 800 --b-use 50,500 --volumes 0-2 --volumes t.tsv:T=70 \
             --average geometric --average-within t.tsv:T --b-tolerance 2.5 --median 3 --format nii --pictures none --force",
        )
        .unwrap();
        let table = VolumeChoice::Table { column: "t.tsv:T".parse().unwrap(), value: "70".into() };
        let expected = SeriesOptions {
            axes: vec![SeriesAxis::b(AxisSource::List(vec![0.0, 50.0, 500.0]))],
            select: Selection {
                b_min: Some(10.0),
                b_max: Some(800.0),
                b_use: vec![50.0, 500.0],
                volumes: vec![VolumeChoice::Indices(vec![0..=2]), table],
            },
            average: Average::Geometric,
            average_within: Some("t.tsv:T".parse().unwrap()),
            b_tolerance: 2.5,
            median_3x3: true,
        };
        assert_eq!(of_adc(both.series), expected);
        let output = OutputOptions::from(both.output);
        assert_eq!(output.format, Format::Nii);
        assert!(!output.pictures && output.force);
        let file = parsed("--bval b.bval").unwrap();
        assert_eq!(of_adc(file.series).axes, [SeriesAxis::b(AxisSource::File("b.bval".into()))]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for wrong in [
            "--bval f --bvals 1",
            "--bvals 0,x",
            "--bvals 0,200000",
            "--volumes 3-1",
            "--average mean",
            "--b-tolerance -1",
            "--median 5",
            "--format nifti",
        ] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
