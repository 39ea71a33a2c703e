//! Writes everything in the documentation that would have to be kept in step by hand, and the code of shipped models:
//! `cargo run --release --example generate`. Continuous integration runs it and fails where a file changes.

mod built_in;
#[allow(unreachable_pub, reason = "the tests' own")]
#[path = "../../tests/protocol.rs"]
mod protocol;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use hepar::device::cpu::Cpu;
use hepar::device::{Column, Device, Precision, Row, Source, VoxelKernel};
use hepar::fit::nlls::{NllsKernel, NllsOptions};
use hepar::fit::{AdcKernel, AdcOptions, AdcOutput, FitMethod, Fitting, Method, status};
use hepar::model::signal::{NoiseModel, Parameter, ParameterKind};
use hepar::model::{MapModel, SignalModel};
use hepar::simulate::{Noise, Rng, add_noise};
use hepar::volume::{Protocol, Scaling, VoxelType};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    built_in::write(&root.join("src/model/generated"))?;
    update(&root.join("docs/adc-bias.md"), &adc_bias()?)?;
    update(&root.join("docs/case.schema.json"), &hepar::cli::case::schema()?)?;
    update(&root.join("models/README.md"), &model_index())?;
    let readme = root.join("README.md");
    let text = fs::read_to_string(&readme)?;
    let text = replace(&text, "outputs of fit", &fit_outputs())?;
    let text = replace(&text, "signal models", &signal_models())?;
    update(&readme, &text)?;
    Ok(())
}

/// Writes a file if it is not that already: what has not changed need not be compiled again.
fn update(path: &Path, text: &str) -> Result<(), Failure> {
    match fs::read_to_string(path) {
        Ok(known) if known == text => Ok(()),
        _ => Ok(fs::write(path, text)?),
    }
}

/// Replaces what stands between `<!-- NAME -->` and `<!-- end of NAME -->`.
fn replace(text: &str, name: &str, by: &str) -> Result<String, Failure> {
    let (from, to) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = text.split_once(&from).ok_or_else(|| format!("README.md has no {from}"))?;
    let (_, after) = rest.split_once(&to).ok_or_else(|| format!("README.md has no {to}"))?;
    Ok(format!("{before}{from}{by}{to}{after}"))
}

fn fit_outputs() -> String {
    let mut text = String::from("| map | unit | what it is |\n| --- | --- | --- |\n");
    for output in AdcOutput::ALL {
        let _ = writeln!(text, "| `{}` | {} | {} |", output.name(), output.unit(), output.title());
    }
    text.push_str("\n| bit of `status` | meaning |\n| --- | --- |\n");
    for (bit, meaning) in status::BITS {
        let _ = writeln!(text, "| {bit} | {meaning} |");
    }
    text
}

fn model_index() -> String {
    let mut text = String::from(
        "# Models\n\nA model is one TOML file; this page is generated from them.\n\n## Signal models\n\nIn `signal/`; \
         `hepar models show NAME` says all of one: bounds, what the samples must be like, exact slopes, source.\n\n",
    );
    text += &signal_models();
    text.push_str("\n| model | parameter | unit | what it is | from | to |\n| --- | --- | --- | --- | --- | --- |\n");
    for model in SignalModel::all() {
        for Parameter { name, unit, doc, kind, .. } in &model.parameters {
            let (low, high) = match kind {
                ParameterKind::Fitted { bounds: [low, high], .. } => (low.to_string(), high.to_string()),
                ParameterKind::Fixed(value) => (format!("fixed at {value}"), String::new()),
            };
            let _ = writeln!(text, "| `{}` | {name} | {unit} | {doc} | {low} | {high} |", model.name);
        }
        for derived in &model.derived {
            let (name, unit, doc, formula) = (&derived.name, &derived.unit, &derived.doc, &derived.formula);
            let _ = writeln!(text, "| `{}` | {name} = `{formula}` | {unit} | {doc} | | |", model.name);
        }
    }
    text.push_str(
        "\n## Maps\n\nMaps without fitted parameters, in `maps/`; `hepar maps show NAME` says all of one.\n\n\
         | map | title | formula | unit |\n| --- | --- | --- | --- |\n",
    );
    for map in MapModel::all() {
        let _ = writeln!(text, "| `{}` | {} | `{}` | {} |", map.name, map.title, map.formula, map.unit);
    }
    text
}

fn signal_models() -> String {
    let mut text = String::from("| model | what it is | signal | fitted |\n| --- | --- | --- | --- |\n");
    for model in SignalModel::all() {
        let fitted: Vec<&str> = model.fitted_names().collect();
        let _ = writeln!(text, "| `{}` | {} | `{}` | {} |", model.name, model.title, model.signal, fitted.join(", "));
    }
    text
}

const B_VALUES: [f64; 4] = [0.0, 50.0, 400.0, 800.0];
const N_VOXELS: usize = 50_000;
const SNRS: [f32; 3] = [10.0, 20.0, 50.0];
const ADCS: [f64; 4] = [0.5e-3, 1.1e-3, 2.0e-3, 3.0e-3];
const METHODS: [Method; 3] = [Method::Lls, Method::Wlls, Method::Iwlls];

fn adc_bias() -> Result<String, Failure> {
    let mut text = format!(
        "# Bias and spread of the ADC methods\n\nSimulated: b = 0, 50, 400 and 800 s/mm²; SNR is the signal at b = 0 \
         over the σ of one image; {N_VOXELS} voxels a row, fitted in f64. Each cell is bias ± standard \
         deviation in % of the true ADC; the standard error of a bias is its standard deviation / {:.0}. This page is \
         generated by `cargo run --release --example generate`.\n\nA small bias of iwlls under Rician noise is partly \
         luck: the bias of the logarithm and that of the magnitude have opposite signs. The noise model is therefore \
         always stated.\n",
        (N_VOXELS as f64).sqrt()
    );
    for (noise, name) in [(Noise::Gaussian, "Gaussian"), (Noise::Rician, "Rician")] {
        let _ = write!(
            text,
            "\n## {name} noise\n\n| SNR | ADC (mm²/s) | lls | wlls | iwlls |\n| --- | --- | --- | --- | --- |\n"
        );
        for snr in SNRS {
            for adc in ADCS {
                let _ = write!(text, "| {snr} | {adc:.1e} |");
                let signals = simulated(&B_VALUES, noise, snr, adc);
                for method in METHODS {
                    let options = AdcOptions { method, ..AdcOptions::default() };
                    text += &cell(run(&AdcKernel::new(options, &B_VALUES, &[AdcOutput::Adc]), &signals)?, adc);
                }
                text.push('\n');
            }
        }
    }
    text += &magnitudes()?;
    text += &destroyed_repeats()?;
    Ok(text)
}

/// b-values in s/mm² at the end of which the signal is near the noise.
const FAR_B_VALUES: [f64; 7] = [0.0, 250.0, 500.0, 750.0, 1000.0, 1250.0, 1500.0];

fn magnitudes() -> Result<String, Failure> {
    let mut text = String::from(
        "\n## Rician noise that is taken into account\n\nThe same, of b = 0 to 1500 s/mm² in steps of 250, by nlls with \
         `--noise gaussian`, and with `--noise rician` and σ given.\n\n\
         | SNR | ADC (mm²/s) | gaussian | rician |\n| --- | --- | --- | --- |\n",
    );
    let model = SignalModel::builtin("adc")?;
    let axes = [FAR_B_VALUES.to_vec()];
    for snr in [8.0, 16.0, 32.0] {
        for adc in ADCS {
            let _ = write!(text, "| {snr} | {adc:.1e} |");
            let mut signals = simulated(&FAR_B_VALUES, Noise::Rician, snr, adc);
            signals.push(vec![1.0 / snr; N_VOXELS]);
            for (noise, n_rows) in [(NoiseModel::Gaussian, FAR_B_VALUES.len()), (NoiseModel::Rician, signals.len())] {
                let options = NllsOptions { noise, ..NllsOptions::default() };
                let kernel = NllsKernel::new(model, &axes, &options, |output| output.name == "ADC")?;
                text += &cell(run(&kernel, &signals[..n_rows])?, adc);
            }
            text.push('\n');
        }
    }
    Ok(text)
}

fn destroyed_repeats() -> Result<String, Failure> {
    const REPEATS: usize = 10;
    const B: [f64; 4] = [50.0, 200.0, 500.0, 750.0];
    let mut text = String::from(
        "\n## Destroyed repeats\n\nTen repeats of b = 50, 200, 500 and 750 s/mm², Gaussian noise; of a share of the samples \
         from b = 200 on, drawn in each voxel, between nothing and a half is left, as motion does in strong gradients. iwlls with and without `--robust`, in f32.\n\n\
         | SNR | destroyed | ADC (mm²/s) | plain | robust |\n| --- | --- | --- | --- | --- |\n",
    );
    let b: Vec<f64> = B.iter().flat_map(|&b| [b; REPEATS]).collect();
    let device = Device::Cpu(Cpu::new(0, Precision::F32)?);
    for (snr, percent, adc) in
        [(20.0, 0, 1.1e-3), (20.0, 10, 1.1e-3), (20.0, 20, 1.1e-3), (20.0, 10, 2.0e-3), (10.0, 10, 1.1e-3)]
    {
        let mut signals = simulated(&b, Noise::None, snr, adc);
        for ((stream, signal), &b) in (0u32..).zip(&mut signals).zip(&b) {
            let percent = if b < 200.0 { 0.0 } else { f64::from(percent) };
            for (v, s) in (0..).zip(signal.iter_mut()) {
                let [drawn, left] = Rng::new(5).stream(stream).uniforms(v);
                *s *= if 100.0 * drawn < percent { 0.5 * left as f32 } else { 1.0 };
            }
            add_noise(signal, 1.0 / snr, Noise::Gaussian, 2000 + u64::from(stream));
        }
        let _ = write!(text, "| {snr} | {percent} % | {adc:.1e} |");
        let plain = FitMethod::Adc(AdcOptions::default());
        for method in [plain.clone(), plain.robust()?] {
            let outputs = method.named_outputs(&["ADC".into()])?;
            let protocol = Protocol { values: vec![b.clone()], scaled: Vec::new(), has_sigma: false };
            let source = Source::new(signals.iter().map(|values| row(values)).collect(), N_VOXELS, None);
            let columns = Fitting::new(&method, &protocol, &outputs)?.run(&device, &source)?;
            text += &cell(columns.into_iter().flat_map(Column::into_f64).collect(), adc);
        }
        text.push('\n');
    }
    Ok(text)
}

/// `[volume][voxel]`, the signal at b = 0 being 1.
fn simulated(b_values: &[f64], noise: Noise, snr: f32, adc: f64) -> Vec<Vec<f32>> {
    let volume = |(volume, &b): (u64, &f64)| {
        let mut signal = vec![(-b * adc).exp() as f32; N_VOXELS];
        add_noise(&mut signal, 1.0 / snr, noise, 1000 + volume);
        signal
    };
    (0..).zip(b_values).map(volume).collect()
}

fn row(values: &[f32]) -> Row<'_> {
    Row { bytes: bytemuck::cast_slice(values), voxel_type: VoxelType::F32, scaling: Scaling::IDENTITY }
}

/// The one column of a kernel, in f64.
fn run(kernel: &dyn VoxelKernel, signals: &[Vec<f32>]) -> Result<Vec<f64>, Failure> {
    let source = Source::new(signals.iter().map(|values| row(values)).collect(), N_VOXELS, None);
    Ok(Cpu::new(0, Precision::F64)?.run(kernel, &source).into_iter().flat_map(Column::into_f64).collect())
}

/// Bias ± standard deviation of what was fitted, in % of the truth.
fn cell(fitted: Vec<f64>, truth: f64) -> String {
    let fitted: Vec<f64> = fitted.into_iter().filter(|v| v.is_finite()).collect();
    let n = fitted.len() as f64;
    let mean = fitted.iter().sum::<f64>() / n;
    let variance = fitted.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let (bias, sd) = (100.0 * (mean / truth - 1.0), 100.0 * variance.sqrt() / truth);
    // Without the sign that rounding leaves to a zero.
    let bias = format!("{bias:+.1}").replace("-0.0", "0.0").replace("+0.0", "0.0");
    format!(" {bias} ± {sd:.1} |")
}
