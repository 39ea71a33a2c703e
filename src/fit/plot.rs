//! `fit --plot`: the data of a voxel or a label with what is fitted to them, as a picture.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::str::FromStr;

use super::design::Spread;
use super::regions::fit_means;
use super::student::t_of;
use super::{FitMethod, FitOutput};
use crate::measure::{rounded, summarise};
use crate::model::signal::program::SampleProgram;
use crate::model::signal::{NoiseModel, Parameter};
use crate::model::{Fault, SignalModel};
use crate::report::{Curve, CurvePlot, CurvePoint, Spacing, Stroke};
use crate::volume::{Labels, Protocol, Series};
use crate::{Error, Result};

/// Places at which the fitted curve is drawn.
const STEPS: usize = 200;
/// The probability that the band holds.
const BAND: f64 = 0.95;
/// Most curves of a picture, one for each combination of the axes beside the first.
const MOST_CURVES: usize = 7;

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlotPlace {
    /// The mean signal of a label, by its number or its name.
    Label(String),
    /// A voxel by its indices i, j, k from 0.
    Voxel([usize; 3]),
}

/// Three whole numbers are a voxel; all else is a label.
impl FromStr for PlotPlace {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let numbers: Option<Vec<usize>> = text.split(',').map(|word| word.trim().parse().ok()).collect();
        let voxel: Option<[usize; 3]> = numbers.and_then(|numbers| numbers.try_into().ok());
        Ok(voxel.map_or_else(|| Self::Label(text.trim().to_owned()), Self::Voxel))
    }
}

/// A picture to be drawn.
#[derive(Debug)]
pub(super) struct Plot {
    /// Its file.
    pub(super) file: String,
    /// Of what, for people.
    of: String,
    voxels: Vec<usize>,
}

impl PlotPlace {
    /// The voxels that are meant.
    ///
    /// # Errors
    /// [`Error::Usage`] for a voxel outside the grid and a label that there is not.
    pub(super) fn find(&self, series: &Series, labels: Option<&Labels>) -> Result<Plot> {
        let refuse = |problem: String, remedy: &str| Err(Error::Usage(format!("{problem}\n  remedy: {remedy}")));
        let name = match self {
            Self::Voxel([i, j, k]) => {
                let [ni, nj, nk] = series.grid.shape;
                if *i >= ni || *j >= nj || *k >= nk {
                    let problem = format!("--plot {i},{j},{k} lies outside the {ni} x {nj} x {nk} voxels");
                    return refuse(problem, "give indices from 0");
                }
                let (file, of) = (format!("plot_voxel_{i}_{j}_{k}.png"), format!("voxel ({i}, {j}, {k})"));
                return Ok(Plot { file, of, voxels: vec![i + ni * (j + nj * k)] });
            }
            Self::Label(name) => name,
        };
        let Some(labels) = labels else {
            return refuse(
                format!("--plot {name} names a label, and there are none"),
                "give an image of labels with --labels",
            );
        };
        let of_name = labels.names.iter().find(|(_, other)| *other == name).map(|(label, _)| *label);
        let label = of_name.or_else(|| name.parse().ok().filter(|&label| label > 0)).unwrap_or(0);
        let voxels: Vec<usize> = (0..labels.values.len()).filter(|&v| label > 0 && labels.values[v] == label).collect();
        if voxels.is_empty() {
            return refuse(format!("--plot {name}: there is no such label"), "give the number or the name of a label");
        }
        let what = labels.names.get(&label).map_or_else(String::new, |name| format!("{name}, "));
        let of = format!("{what}label {label}, mean signal of {} voxels", voxels.len());
        Ok(Plot { file: format!("plot_label_{label}.png"), of, voxels })
    }
}

impl Plot {
    /// The picture as a PNG file.
    pub(super) fn draw(&self, series: &Series, method: &FitMethod) -> Result<Vec<u8>> {
        let rows = self.rows(series);
        let fitted = Fitted::new(series, method, &rows)?;
        let axis = &series.axes[0];
        let groups = groups(&series.values());
        let mut curves: Vec<(String, Vec<CurvePoint>, Stroke, usize)> = Vec::new();
        for (look, (others, samples)) in groups.iter().take(MOST_CURVES).enumerate() {
            let at = |(axis, value): (&crate::volume::SeriesAxis, &f64)| {
                format!("{} = {value} {}", axis.name, pretty(&axis.unit))
            };
            let place: Vec<String> = series.axes[1..].iter().zip(others).map(at).collect();
            let named =
                |what: &str| if place.is_empty() { what.into() } else { format!("{what}, {}", place.join(", ")) };
            let point = |&sample: &usize| CurvePoint {
                at: series.volumes[sample].at[0],
                value: rows[sample][0],
                low: f64::NAN,
                high: f64::NAN,
            };
            curves.push((named(fitted.name()), fitted.curve(others)?, Stroke::Line, look));
            curves.push((named("signal"), samples.iter().map(point).collect(), Stroke::Markers, look));
        }
        let drawn: Vec<Curve> = curves
            .iter()
            .map(|(name, points, stroke, look)| Curve { name, points, stroke: *stroke, look: *look })
            .collect();
        let band = match groups.len() {
            0..=MOST_CURVES => format!("{} with its {:.0} % band", fitted.name(), 100.0 * BAND),
            n => format!("{MOST_CURVES} of {n} curves; {:.0} % bands", 100.0 * BAND),
        };
        CurvePlot {
            title: &format!("{} by {}: {}", method.model(), method.name(), self.of),
            subtitle: &fitted.in_words(),
            across: [&axis.name, &pretty(&axis.unit)],
            spacing: Spacing::Even,
            quantity: "signal",
            unit: "a.u.",
            band: &band,
            curves: &drawn,
            phases: &[],
            zero: false,
        }
        .to_png()
    }

    /// `[row][1]`: the mean of the finite signals, and of what multiplies axes.
    fn rows(&self, series: &Series) -> Vec<Vec<f64>> {
        let mean = |row: &crate::device::Row| {
            let mut one = [0.0];
            let value = |&voxel: &usize| {
                row.load_f64(voxel, &mut one);
                one[0]
            };
            vec![summarise(self.voxels.iter().map(value)).mean]
        };
        series.rows().iter().map(mean).collect()
    }
}

fn pretty(unit: &str) -> String {
    unit.replace("^2", "²")
}

/// Samples that agree in all axes but the first, by the values of these.
fn groups(axes: &[Vec<f64>]) -> Vec<(Vec<f64>, Vec<usize>)> {
    let mut groups: BTreeMap<Vec<u64>, Vec<usize>> = BTreeMap::new();
    for sample in 0..axes[0].len() {
        groups.entry(axes[1..].iter().map(|axis| axis[sample].to_bits()).collect()).or_default().push(sample);
    }
    groups.into_iter().map(|(key, samples)| (key.into_iter().map(f64::from_bits).collect(), samples)).collect()
}

/// A fit of one decay in f64, with what is known of its uncertainty. Under Rician noise its curve is the magnitude that it
/// expects.
///
/// The covariance of the parameters is s²(JᵀJ)⁻¹, J being the slopes of the curve at the samples and s² the residual sum of
/// squares over its degrees of freedom; a curve with slopes g by the parameters then has the variance gᵀCg (the delta method:
/// Seber and Wild, Nonlinear Regression, 1989, ch. 5), and Student's t for these degrees of freedom makes it a band. A
/// parameter at a bound is taken for known.
struct Fitted<'s> {
    model: SignalModel,
    method: &'s FitMethod,
    /// Of the first axis.
    range: [f64; 2],
    scaled: Vec<usize>,
    /// The fitted parameters in the model's order and units, then the factors of axes, then σ where the noise needs it.
    at: Vec<f64>,
    /// Which of the parameters are not at a bound.
    free: Vec<bool>,
    spread: Spread,
    /// Standard deviation of the residuals; NaN without a degree of freedom.
    sigma: f64,
    freedom: usize,
}

impl<'s> Fitted<'s> {
    fn new(series: &Series, method: &'s FitMethod, rows: &[Vec<f64>]) -> Result<Self> {
        let (model, choice, protocol) = (method.signal_model()?, method.choice()?, series.protocol());
        let names = method.fitted_names()?;
        let all = method.outputs()?;
        let outputs: Vec<FitOutput> =
            names.iter().filter_map(|name| all.iter().find(|output| output.name == *name).cloned()).collect();
        let mut at: Vec<f64> = fit_means(series, rows, method, &outputs)?.into_iter().map(|values| values[0]).collect();
        let is_free = |(i, &value): (usize, &f64)| {
            let [low, high] = method.bounds(&model.parameters[i]);
            low < value && value < high
        };
        let free: Vec<bool> = choice.fitted().zip(&at).map(is_free).collect();
        let n_samples = series.volumes.len();
        at.extend(rows[n_samples..].iter().map(|factor| factor[0]));
        let ones = vec![1.0; names.len()];
        let Protocol { values, scaled, .. } = protocol;
        let program = SampleProgram::expected(&model, &choice, &values, &scaled, method.noise(), &ones);
        let program = program.map_err(internal)?;
        let (mut slopes, mut squares) = (vec![Vec::new(); free.iter().filter(|free| **free).count()], 0.0);
        let used = (0..n_samples).filter(|&sample| rows[sample][0].is_finite());
        let mut freedom = 0;
        for sample in used {
            let (signal, gradient) = program.at(&at, sample);
            squares += (rows[sample][0] - signal).powi(2);
            freedom += 1;
            let of_free = gradient.into_iter().zip(&free).filter(|(_, free)| **free);
            slopes.iter_mut().zip(of_free).for_each(|(column, (slope, _))| column.push(slope));
        }
        let freedom = usize::saturating_sub(freedom, names.len());
        let first = &values[0];
        let range =
            [first.iter().copied().fold(f64::INFINITY, f64::min), first.iter().copied().fold(f64::MIN, f64::max)];
        let sigma = (squares / freedom as f64).sqrt();
        let spread = Spread::of(slopes);
        Ok(Self { model, method, range, scaled, at, free, spread, sigma, freedom })
    }

    /// What the curve is called.
    fn name(&self) -> &'static str {
        match self.method.noise() {
            NoiseModel::Gaussian => "fit",
            NoiseModel::Rician => "expected magnitude",
        }
    }

    /// The curve where the axes after the first have the values `others`.
    fn curve(&self, others: &[f64]) -> Result<Vec<CurvePoint>> {
        let [low, high] = self.range;
        let places: Vec<f64> = (0..=STEPS).map(|step| low + (high - low) * step as f64 / STEPS as f64).collect();
        let mut axes = vec![places.clone()];
        axes.extend(others.iter().map(|&value| vec![value; places.len()]));
        let choice = self.method.choice()?;
        let ones = vec![1.0; choice.fitted().count()];
        let noise = self.method.noise();
        let program = SampleProgram::expected(&self.model, &choice, &axes, &self.scaled, noise, &ones);
        let program = program.map_err(internal)?;
        let t = t_of(BAND, self.freedom);
        let point = |(sample, &at): (usize, &f64)| {
            let (value, gradient) = program.at(&self.at, sample);
            let half = t * self.sigma * self.spread.sd(&self.of_free(&gradient));
            CurvePoint { at, value, low: value - half, high: value + half }
        };
        Ok(places.iter().enumerate().map(point).collect())
    }

    fn of_free(&self, values: &[f64]) -> Vec<f64> {
        values.iter().zip(&self.free).filter(|(_, free)| **free).map(|(value, _)| *value).collect()
    }

    /// Each parameter with its standard error.
    fn in_words(&self) -> String {
        let fitted = self.method.choice().map(|choice| choice.fitted().collect::<Vec<_>>()).unwrap_or_default();
        let word = |(place, &parameter): (usize, &usize)| {
            let Parameter { name, unit, .. } = &self.model.parameters[parameter];
            let along: Vec<f64> = (0..fitted.len()).map(|other| f64::from(u8::from(other == place))).collect();
            let error = match self.free[place] {
                true => format!("± {}", rounded(self.sigma * self.spread.sd(&self.of_free(&along)), 2)),
                false => "(at its bound)".into(),
            };
            let unit =
                if self.model.parameters[parameter].is_signal() || unit == "1" { String::new() } else { pretty(unit) };
            format!("{name} {} {error} {unit}", rounded(self.at[place], 3)).trim_end().to_owned()
        };
        let words: Vec<String> = fitted.iter().enumerate().map(word).collect();
        format!("{}  (± standard error)", words.join(";  "))
    }
}

fn internal(fault: Fault) -> Error {
    Error::Internal(fault.problem)
}

#[cfg(test)]
mod tests;
