//! What is fitted: a model bound to a protocol, with bounds and starts.

use super::dictionary::{Dictionary, Extent};
use crate::device::Precision;
use crate::model::SignalModel;
use crate::model::graph::Graph;
use crate::model::signal::eval::SampleCode;
use crate::model::signal::program::{Choice, SampleProgram};
use crate::model::signal::{NoiseModel, Parameter, ParameterKind};
use crate::{Error, Result};

/// What a user wants otherwise than the model's file has it; values in the parameters' units.
#[derive(Debug, Clone, PartialEq)]
pub struct NllsOptions {
    /// Parameters that are not fitted, with their values.
    pub fixed: Vec<(String, f64)>,
    /// Bounds of fitted parameters.
    pub bounds: Vec<(String, [f64; 2])>,
    /// Where fits start, instead of several places over the bounds.
    pub start: Vec<(String, f64)>,
    /// How noise appears in the samples.
    pub noise: NoiseModel,
    /// Most steps of a fit. Near a face where a parameter is idle, fits in f64 take hundreds; those in f32 end before.
    pub max_iterations: u32,
}

impl Default for NllsOptions {
    fn default() -> Self {
        Self {
            fixed: Vec::new(),
            bounds: Vec::new(),
            start: Vec::new(),
            noise: NoiseModel::Gaussian,
            max_iterations: 1000,
        }
    }
}

/// When fits end, and how many of them each voxel gets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// A fit ends with a step that promises less than this share of the sum of squares, and is not looked at any more...
    pub tolerance: f64,
    /// ... or than this share of the largest signal's square.
    pub floor: f64,
    /// Places of each of two parameters in the dictionary, unless the model's file has its own.
    pub places: usize,
    /// Parts of a parameter's range, a fit from the best place of each, of which the best is kept: see
    /// [`super::dictionary`]. Two minima of IVIM may both lie in D* of 0.005 to 0.03 mm²/s.
    pub starts: usize,
    /// Values that are tried of a parameter that is idle where fits end: see [`super::idle`].
    pub places_of_idle: usize,
    /// A later fit ends when it comes this near to what has been found: relative to each parameter, or to half its scale
    /// where it is less than that.
    pub same: f64,
}

impl Effort {
    /// In f32 both limits are near what rounding leaves; in f64, the oracle, minima are sought with more care.
    ///
    /// Of 40,000 fits of simulated IVIM (10 b-values, SNR 30), ending where another fit had ended cost no minimum.
    pub fn of(precision: Precision) -> Self {
        match precision {
            Precision::F32 => {
                Self { tolerance: 1e-5, floor: 1e-14, places: 10, starts: 2, places_of_idle: 8, same: 0.02 }
            }
            Precision::F64 => {
                Self { tolerance: 1e-12, floor: 1e-28, places: 40, starts: 16, places_of_idle: 64, same: 0.0 }
            }
        }
    }
}

/// What is fitted.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What samples are expected to be, and its slopes.
    pub program: SampleProgram,
    /// The signal without noise, where that is something else.
    noiseless: Option<SampleProgram>,
    /// The same for lanes.
    pub code: SampleCode,
    /// Axes, by their indices in the model, that a factor of each voxel multiplies.
    pub scaled: Vec<usize>,
    /// How noise appears in the samples.
    pub noise: NoiseModel,
    /// Which parameters are fitted.
    pub choice: Choice,
    /// The fitted parameters, in units of their scales, in the model's order.
    pub extents: Vec<Extent>,
    /// Their scales, in their units.
    pub scales: Vec<f64>,
    /// A fitted parameter between whose bounds the signal is mixed, if there is one: with one parameter in units of
    /// the signal, both are solved for.
    pub mixing: Option<usize>,
    /// Most steps of a fit.
    pub max_iterations: u32,
}

impl Problem {
    /// Binds a model to the values of its axes, `[axis][sample]` in their units.
    ///
    /// # Errors
    /// [`Error::Usage`] for options that the model does not allow.
    pub fn new(model: &SignalModel, axes: &[Vec<f64>], options: &NllsOptions) -> Result<Self> {
        Self::scaled(model, axes, &[], options)
    }

    /// The same where a factor of each voxel multiplies some axes, by their indices in the model.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn scaled(model: &SignalModel, axes: &[Vec<f64>], scaled: &[usize], options: &NllsOptions) -> Result<Self> {
        let choice = Choice::with(model, &options.fixed)?;
        let refuse = |name: &str, what: &str| {
            let problem = format!("`{name}` of the model `{}` is not fitted: it has no {what}", model.name);
            Error::Usage(format!("{problem}\n  remedy: leave --{what} {name}=... or --fix {name}=... out"))
        };
        let fitted: Vec<usize> = choice.fitted().collect();
        let named = |name: &str| fitted.iter().any(|&i| model.parameters[i].name == name);
        for (what, names) in [
            ("bounds", options.bounds.iter().map(|(name, _)| name).collect::<Vec<_>>()),
            ("start", options.start.iter().map(|(name, _)| name).collect()),
        ] {
            for name in names {
                model.parameter(name)?;
                if !named(name) {
                    return Err(refuse(name, what));
                }
            }
        }
        if fitted.is_empty() {
            return Err(Error::Usage("no parameter is left to fit\n  remedy: fix fewer of them".into()));
        }
        let mut extents = Vec::new();
        let mut scales = Vec::new();
        for &i in &fitted {
            let (extent, scale) = extent(&model.parameters[i], options)?;
            extents.push(extent);
            scales.push(scale);
        }
        let internal = |fault: crate::model::Fault| Error::Internal(fault.problem);
        let noise = options.noise;
        let program = SampleProgram::expected(model, &choice, axes, scaled, noise, &scales).map_err(internal)?;
        let noiseless = || SampleProgram::scaled(model, &choice, axes, scaled, &scales).map_err(internal);
        let noiseless = noise.needs_sigma().then(noiseless).transpose()?;
        let mixing = mixing(model, &choice, &extents).map_err(internal)?;
        let code = SampleCode::new(&program);
        let (scaled, max_iterations) = (scaled.to_vec(), options.max_iterations);
        Ok(Self { program, noiseless, code, scaled, noise, choice, extents, scales, mixing, max_iterations })
    }

    /// How many numbers a voxel has besides its samples: factors of axes, and σ where noise needs it.
    pub fn n_factors(&self) -> usize {
        self.scaled.len() + usize::from(self.noise.needs_sigma())
    }

    /// Where fits start, as if all factors of axes were 1 and there was no noise: only so are there linear parameters.
    pub fn dictionary(&self, effort: &Effort) -> Dictionary {
        let program = self.noiseless.as_ref().unwrap_or(&self.program);
        Dictionary::new(program, &self.extents, self.mixing, effort)
    }
}

/// A fitted parameter's bounds and start in units of its scale, and this scale.
fn extent(parameter: &Parameter, options: &NllsOptions) -> Result<(Extent, f64)> {
    let name = &parameter.name;
    let ParameterKind::Fitted { bounds, scale, start, places, .. } = parameter.kind else {
        return Err(Error::Internal(format!("`{name}` is fitted but has no bounds")));
    };
    let bounds = options.bounds.iter().rev().find(|(n, _)| n == name).map_or(bounds, |&(_, bounds)| bounds);
    let start = options.start.iter().rev().find(|(n, _)| n == name).map(|&(_, start)| start).or(start);
    let [low, high] = bounds;
    if low.partial_cmp(&high) != Some(std::cmp::Ordering::Less) {
        return Err(Error::Usage(format!(
            "the bounds {low}:{high} of `{name}` are not in order\n  remedy: write --bounds {name}=LOWEST:HIGHEST"
        )));
    }
    if let Some(start) = start.filter(|start| !(low..=high).contains(start)) {
        return Err(Error::Usage(format!(
            "the start {start} of `{name}` lies outside its bounds {low}:{high}\n  remedy: start between them"
        )));
    }
    let is_signal = parameter.is_signal();
    let start = start.filter(|_| !is_signal).map(|start| start / scale);
    Ok((Extent { bounds: bounds.map(|bound| bound / scale), start, places, is_signal }, scale))
}

/// The first fitted parameter that the signal is linear in, besides the one in units of the signal.
fn mixing(model: &SignalModel, choice: &Choice, extents: &[Extent]) -> Result<Option<usize>, crate::model::Fault> {
    if extents.iter().filter(|extent| extent.is_signal).count() != 1 {
        return Ok(None);
    }
    let mut graph = Graph::default();
    let signal = model.signal_node(&mut graph, choice)?;
    let mut is_mixing = |i: usize| {
        let slope = graph.derivative(signal, i as u32);
        let curvature = slope.and_then(|slope| graph.derivative(slope, i as u32));
        let candidate = !extents[i].is_signal && extents[i].start.is_none();
        candidate && extents[i].bounds.iter().all(|b| b.is_finite()) && slope.is_some() && curvature.is_none()
    };
    Ok((0..extents.len()).find(|&i| is_mixing(i)))
}
