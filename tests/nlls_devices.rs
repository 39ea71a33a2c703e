//! Non-linear fits: each GPU finds what the CPU finds in f64.

mod built_in;
mod minima;
mod unfitted;

use hepar::device::{Batch, Column, ColumnMut, ColumnSpec, Cpu, Device, Precision, Row, Shader, Source, VoxelKernel};
use hepar::fit::nlls::dictionary::Dictionary;
use hepar::fit::nlls::{Effort, NllsKernel, NllsOptions, Quantity};
use hepar::model::SignalModel;
use hepar::simulate::{Noise, Rng, add_noise};
use hepar::volume::{Scaling, VoxelType};
use libtest_mimic::{Failed, Trial};

use crate::protocol;
use crate::support::{self, TestDevice};
use crate::tolerances;

const B: [f64; 10] = [0.0, 10.0, 20.0, 40.0, 80.0, 110.0, 140.0, 200.0, 400.0, 800.0];
const N_VOXELS: usize = 20_000;
/// The largest signal of a voxel, on average, over the noise's standard deviation.
const SNR: f64 = 30.0;
/// Models of magnitudes, which have no negative samples.
const MAGNITUDES: [&str; 2] = ["fat_water", "t1_ir"];

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for model in SignalModel::all() {
        let name = format!("nlls_{}_as_the_cpu_has_it", model.name);
        trials.extend(support::on_every_gpu(&name, |device| as_the_cpu(device, model)));
    }
    trials.extend(built_in::trials());
    trials.extend(minima::trials());
    trials.extend(support::on_every_gpu("nlls_of_many_samples_as_the_cpu_has_it", many_samples));
    trials.extend(support::on_every_gpu("nlls_of_missing_samples_as_the_cpu_has_it", missing_samples));
    trials.extend(support::on_every_gpu("nlls_of_many_directions_as_the_cpu_has_it", many_directions));
    trials.extend(support::on_every_gpu("nlls_of_what_cannot_be_fitted", unfitted::what_cannot_be_fitted));
    trials.extend(support::on_every_gpu("nlls_without_a_status_column", without_status));
    trials
}

/// `[sample][voxel]` signals of a model whose parameters are spread about their scales, with noise.
fn simulated(model: &SignalModel, axes: &[Vec<f64>], n_voxels: usize) -> Result<Vec<Vec<f32>>, Failed> {
    let problem = kernel(model, axes, |_| true)?.problem().clone();
    let rng = Rng::new(11);
    let mut signals = vec![vec![0.0f32; n_voxels]; axes[0].len()];
    for v in 0..n_voxels {
        let mut parameters = Vec::new();
        for (i, extent) in (0u32..).zip(&problem.extents) {
            let [u, _] = rng.stream(i).uniforms(v as u64);
            let [low, high] = extent.bounds;
            parameters.push((0.5 + u).clamp(low, high) * if extent.is_signal { 1000.0 } else { 1.0 });
        }
        for (row, signal) in signals.iter_mut().zip(problem.program.signals(&parameters)) {
            row[v] = signal as f32;
        }
    }
    let largest = |v: usize| signals.iter().map(|row| f64::from(row[v])).fold(0.0, f64::max);
    let sigma = (0..n_voxels).map(largest).sum::<f64>() / n_voxels as f64 / SNR;
    let noise = if MAGNITUDES.contains(&model.name.as_str()) { Noise::Rician } else { Noise::Gaussian };
    for (seed, row) in (100..).zip(&mut signals) {
        add_noise(row, sigma as f32, noise, seed);
    }
    Ok(signals)
}

fn kernel(model: &SignalModel, axes: &[Vec<f64>], pick: impl Fn(Quantity) -> bool) -> Result<NllsKernel, Failed> {
    Ok(NllsKernel::new(model, axes, &NllsOptions::default(), |output| pick(output.quantity))?)
}

fn source(signals: &[Vec<f32>]) -> Source<'_> {
    let row = |values| Row {
        bytes: bytemuck::cast_slice::<f32, u8>(values),
        voxel_type: VoxelType::F32,
        scaling: Scaling::IDENTITY,
    };
    Source::new(signals.iter().map(|values| row(values)).collect(), signals[0].len(), None)
}

/// Columns of f64, those of counts too.
fn run(device: &Device, kernel: &dyn VoxelKernel, source: &Source) -> Result<Vec<Vec<f64>>, Failed> {
    Ok(device.run(kernel, source, &())?.into_iter().map(Column::into_f64).collect())
}

/// The same fit in f64, with its tolerances.
struct Oracle<'k> {
    kernel: &'k NllsKernel,
    effort: Effort,
    dictionary: Dictionary,
}

impl<'k> Oracle<'k> {
    /// With as many starts as in f32: what differs is rounding.
    fn with_the_same_starts(kernel: &'k NllsKernel) -> Self {
        let Effort { places, starts, places_of_idle, .. } = Effort::of(Precision::F32);
        let effort = Effort { places, starts, places_of_idle, ..Effort::of(Precision::F64) };
        Self { kernel, effort, dictionary: kernel.problem().dictionary(&effort) }
    }
}

impl VoxelKernel for Oracle<'_> {
    fn label(&self) -> String {
        format!("{} in f64", self.kernel.label())
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        self.kernel.columns()
    }

    fn run_cpu(&self, batch: &Batch, _: Precision, out: &mut [ColumnMut]) {
        self.kernel.run_with(batch, Precision::F64, self.effort, &self.dictionary, out);
    }

    fn shader(&self, n_obs: usize) -> Option<Shader> {
        self.kernel.shader(n_obs)
    }
}

fn cpu(precision: Precision) -> Result<Device, Failed> {
    Ok(Device::Cpu(Cpu::new(2, precision)?))
}

/// The places of quantities among the columns.
fn places(kernel: &NllsKernel, of: impl Fn(Quantity) -> bool) -> Vec<usize> {
    let outputs = kernel.outputs().iter().enumerate();
    outputs.filter(|(_, output)| of(output.quantity)).map(|(i, _)| i).collect()
}

fn place(kernel: &NllsKernel, of: Quantity) -> usize {
    places(kernel, |quantity| quantity == of)[0]
}

/// Sums of squared residuals of each voxel in f64, where its parameters are multiplied by `stretch`.
fn squares(kernel: &NllsKernel, columns: &[Vec<f64>], signals: &[Vec<f32>], stretch: f64) -> Vec<f64> {
    let problem = kernel.problem();
    let parameters = places(kernel, |quantity| matches!(quantity, Quantity::Parameter(_)));
    (0..signals[0].len())
        .map(|v| {
            let scaled = parameters.iter().zip(&problem.scales).map(|(&p, scale)| columns[p][v] / scale * stretch);
            let expected = problem.program.signals(&scaled.collect::<Vec<f64>>());
            let residual = |(row, s): (&Vec<f32>, f64)| if row[v].is_finite() { f64::from(row[v]) - s } else { 0.0 };
            signals.iter().zip(expected).map(residual).map(|r| r * r).sum()
        })
        .collect()
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// How sums of squares compare: the share that is above the others by no more than the tolerance, and the median.
fn excess(squares: &[f64], oracle: &[f64]) -> (f64, f64) {
    let excess = sorted(squares.iter().zip(oracle).map(|(found, best)| found / best - 1.0).collect());
    let within = excess.iter().filter(|&&e| e <= tolerances::NLLS_EXCESS).count();
    (within as f64 / excess.len() as f64, excess[excess.len() / 2])
}

/// As good as the oracle, and worse if it is perturbed.
fn compare(kernel: &NllsKernel, device: &Device, signals: &[Vec<f32>]) -> Result<(), Failed> {
    let source = source(signals);
    let oracle = Oracle::with_the_same_starts(kernel);
    let (got, want) = (run(device, kernel, &source)?, run(&cpu(Precision::F64)?, &oracle, &source)?);
    let best = squares(kernel, &want, signals, 1.0);
    let (share, median) = excess(&squares(kernel, &got, signals, 1.0), &best);
    if share < tolerances::NLLS_SHARE || median > tolerances::NLLS_MEDIAN_EXCESS {
        return Err(format!("{share} within the tolerance, median excess {median:e}").into());
    }
    let (share, median) = excess(&squares(kernel, &got, signals, 1.01), &best);
    assert!(share < tolerances::NLLS_SHARE && median > tolerances::NLLS_MEDIAN_EXCESS, "1 % must be noticed");
    compare_columns(kernel, &got, &want)
}

/// All columns agree in almost all voxels, and do not if they are perturbed. How many steps a fit takes is left to rounding,
/// and so is the value of a parameter that is idle where a fit ends.
fn compare_columns(kernel: &NllsKernel, got: &[Vec<f64>], want: &[Vec<f64>]) -> Result<(), Failed> {
    let problem = kernel.problem();
    let idle = problem.dictionary(&Effort::of(Precision::F32)).idle;
    let is_idle = |parameter: usize, v: usize| {
        idle.iter().filter(|idle| idle.parameter == parameter).any(|idle| {
            let bound = idle.bound * problem.scales[idle.face];
            (want[place(kernel, Quantity::Parameter(idle.face))][v] - bound).abs() <= 1e-6 * problem.scales[idle.face]
        })
    };
    for (i, output) in kernel.outputs().iter().enumerate() {
        let error = match output.quantity {
            Quantity::Parameter(p) => Some(Quantity::ParameterSe(p)),
            Quantity::Derived(d) => Some(Quantity::DerivedSe(d)),
            _ => None,
        };
        let error = error.map(|error| &want[place(kernel, error)]);
        let difference = |v: usize, by: f64| {
            let (a, b) = (got[i][v] * by, want[i][v]);
            let size = error.map_or(0.0, |error| error[v]).max(b.abs());
            match output.quantity {
                Quantity::Iterations => f64::from(u8::from(a > 2.0 * b + 20.0)),
                Quantity::Status => f64::from(u8::from(a != b)),
                Quantity::Parameter(p) if is_idle(p, v) => 0.0,
                _ if a == b => 0.0,
                _ if a.is_nan() || b.is_nan() => 1.0,
                _ => (a - b).abs() / size,
            }
        };
        // Where neither has a value, there is nothing to compare.
        let compared: Vec<usize> =
            (0..got[i].len()).filter(|&v| !(got[i][v].is_nan() && want[i][v].is_nan())).collect();
        let differences = |by: f64| {
            let all = sorted(compared.iter().map(|&v| difference(v, by)).collect());
            (all[all.len() / 2], all[all.len() * 95 / 100])
        };
        let agree =
            |(median, most): (f64, f64)| median <= tolerances::NLLS_COLUMNS_MEDIAN && most <= tolerances::NLLS_COLUMNS;
        let found = differences(1.0);
        if !agree(found) {
            let (median, most) = found;
            return Err(format!("{}: off by {median:e} in the median, {most:e} in 95 %", output.name).into());
        }
        let counts = matches!(output.quantity, Quantity::Iterations | Quantity::Status);
        assert!(counts || !agree(differences(1.05)), "{}: 5 % must be noticed", output.name);
    }
    Ok(())
}

fn as_the_cpu(device: &TestDevice, model: &SignalModel) -> Result<(), Failed> {
    let axes = protocol::of(model, &B)?;
    compare(&kernel(model, &axes, |_| true)?, &device.open(), &simulated(model, &axes, N_VOXELS)?)
}

/// More samples than registers hold.
fn many_samples(device: &TestDevice) -> Result<(), Failed> {
    let model = SignalModel::builtin("ivim")?;
    let axes = [(0..40).map(|i| f64::from(i * i) * 0.6).collect::<Vec<f64>>()];
    compare(&kernel(model, &axes, |_| true)?, &device.open(), &simulated(model, &axes, 4000)?)
}

/// Mixtures whose nodes have so many directions that shaders read them instead of being written out.
fn many_directions(device: &TestDevice) -> Result<(), Failed> {
    let model = support::ivim_of_many_places()?;
    for b in [B.to_vec(), (0..20).map(|i| f64::from(i * i) * 2.0).collect()] {
        let axes = [b];
        compare(&kernel(&model, &axes, |_| true)?, &device.open(), &simulated(&model, &axes, 4000)?)?;
    }
    Ok(())
}

/// Samples that are no number count for nothing, few samples or many.
fn missing_samples(device: &TestDevice) -> Result<(), Failed> {
    let model = SignalModel::builtin("ivim")?;
    for b in [B.to_vec(), (0..20).map(|i| f64::from(i * i) * 2.0).collect()] {
        let axes = [b];
        let mut signals = simulated(model, &axes, 4000)?;
        let n_samples = signals.len();
        for v in 0..signals[0].len() {
            signals[v * 7 % n_samples][v] = f32::NAN;
        }
        compare(&kernel(model, &axes, |_| true)?, &device.open(), &signals)?;
    }
    Ok(())
}

/// Whatever is asked for, the values are the same.
fn without_status(device: &TestDevice) -> Result<(), Failed> {
    let model = SignalModel::builtin("ivim")?;
    let axes = [B.to_vec()];
    let signals = simulated(model, &axes, 2000)?;
    let device = device.open();
    let all = kernel(model, &axes, |_| true)?;
    let want = run(&device, &all, &source(&signals))?;
    for wanted in [Quantity::Derived(0), Quantity::Iterations, Quantity::ParameterSe(1), Quantity::R2] {
        let one = kernel(model, &axes, |quantity| quantity == wanted)?;
        let got = run(&device, &one, &source(&signals))?;
        let want = &want[place(&all, wanted)];
        let differ = |column: &[f64]| column.iter().zip(want).filter(|(a, b)| (*a - *b).abs() > 1e-3 * b.abs()).count();
        assert!(differ(&got[0]) <= 2, "{wanted:?}: {} differ", differ(&got[0]));
        let perturbed: Vec<f64> = got[0].iter().map(|x| x * 1.01).collect();
        assert!(differ(&perturbed) > 1000, "1 % must be noticed");
    }
    Ok(())
}
