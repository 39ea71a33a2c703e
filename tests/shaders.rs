//! Every WGSL file is valid before it ships, put together as the device puts it.

use std::path::{Path, PathBuf};

use hepar::device::shader::{compose, in_software};
use hepar::device::{Shader, VoxelKernel};
use hepar::fit::nlls::{NllsKernel, NllsOptions, Quantity};
use hepar::model::SignalModel;
use hepar::model::signal::NoiseModel;
use hepar::volume::VoxelType;
use libtest_mimic::{Failed, Trial};

use crate::support;

pub fn trials() -> Vec<Trial> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut trials: Vec<Trial> = wgsl_files(&folder)
        .into_iter()
        .map(|path| {
            let shown = path.strip_prefix(&folder).unwrap_or(&path).display();
            Trial::test(format!("shaders::valid::{shown}"), move || is_valid(&path))
        })
        .collect();
    let models = SignalModel::all().iter().map(|model| ("as it is", model.clone())).chain(unusual_models());
    trials.extend(models.map(|(what, model)| {
        Trial::test(format!("shaders::fit_is_valid::{} {what}", model.name), move || fits_are_valid(&model))
    }));
    trials.push(Trial::test("shaders::fit_is_valid::ivim of many places", || {
        fits_are_valid(&support::ivim_of_many_places()?)
    }));
    trials.push(Trial::test("shaders::an_error_is_noticed", an_error_is_noticed));
    trials
}

fn wgsl_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("shaders/ is there");
    let mut paths: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    paths.sort();
    let files = |path: PathBuf| match path.is_dir() {
        true => wgsl_files(&path),
        false => vec![path],
    };
    paths.into_iter().flat_map(files).filter(|path| path.extension().is_some_and(|e| e == "wgsl")).collect()
}

/// A file of `common/` is part of every kernel, or of those that name it: it is checked in them. A file with bindings of
/// its own stands alone. Any other is the body of a kernel, after what its Rust side puts before it.
fn is_valid(path: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path)?;
    if path.parent().is_some_and(|folder| folder.ends_with("common")) {
        return in_every_voxel_type("@compute @workgroup_size(WORKGROUP) fn main() { finish();\n}");
    }
    if text.contains("@group(") {
        return validate(&text);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    in_every_voxel_type(&with_what_is_given(folder, &text)?)
}

/// A file after what it says stands before it: declarations in lines `// given: ...`, files in lines `// after: ...`.
fn with_what_is_given(folder: &Path, text: &str) -> Result<String, Failed> {
    let mut whole = String::new();
    for line in text.lines() {
        if let Some(declaration) = line.strip_prefix("// given: ") {
            whole += &format!("{declaration}\n");
        }
        if let Some(file) = line.strip_prefix("// after: ") {
            let other = std::fs::read_to_string(folder.join(file))?;
            whole += &with_what_is_given(folder, &other)?;
        }
    }
    Ok(whole + text)
}

fn in_every_voxel_type(body: &str) -> Result<(), Failed> {
    // More numbers than are written out as an array: bodies index theirs as they like.
    of_observations(&Shader { body: body.into(), params: vec![2.5; 32], turns: 1 }, 4)
}

/// In software too, where numbers are written out, and loops may be cut short.
fn of_observations(shader: &Shader, n_obs: usize) -> Result<(), Failed> {
    if shader.body.contains("fn main(") && !shader.body.trim_end().ends_with(" finish();\n}") {
        return Err("the last statement of main is not `finish();`".into());
    }
    use VoxelType::{F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
    [U8, I8, U16, I16, U32, I32, U64, I64, F32, F64].into_iter().try_for_each(|voxel_type| {
        let text = compose(&shader.body, voxel_type, n_obs);
        validate(&text)?;
        validate(&in_software(&text, &shader.params, &vec![[1.5, -0.0]; n_obs]))
    })
}

fn validate(wgsl: &str) -> Result<(), Failed> {
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|e| e.emit_to_string(wgsl))?;
    let mut validator = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), Default::default());
    let valid = validator.validate(&module);
    valid.map_err(|e| e.emit_to_string(wgsl))?;
    Ok(())
}

fn an_error_is_noticed() -> Result<(), Failed> {
    let main = "@compute @workgroup_size(WORKGROUP) fn main() ";
    assert!(in_every_voxel_type(&format!("{main} {{ store_f32(0u, 0u, load(0u, 0u)); finish();\n}}")).is_ok());
    for wrong in ["store_f32(0u, 0u, 1u);", "let x = lod(0u, 0u);", "params[0] = 1.0;", "store_f32("] {
        assert!(in_every_voxel_type(&format!("{main} {{ {wrong} finish();\n}}")).is_err(), "{wrong}");
    }
    assert!(in_every_voxel_type(&format!("{main} {{ store_f32(0u, 0u, 1.0); }}")).is_err(), "loops may be cut short");
    Ok(())
}

/// Models that use what those that come with hepar do not: one parameter and six, several in units of the signal or
/// none, no parameter to solve for.
pub fn unusual_models() -> Vec<(&'static str, SignalModel)> {
    let parameter = |name: &str, unit: &str, bounds: &str, scale: &str| {
        format!("[parameter.{name}]\nunit = \"{unit}\"\nbounds = {bounds}\n{scale}doc = \"{name}\"\n")
    };
    let signal = |name: &str, bounds: &str| parameter(name, "signal", bounds, "");
    let rate = |name: &str, bounds: &str| parameter(name, "1/s", bounds, "scale = 1.0\n");
    let model = |what: &'static str, formula: &str, parameters: &[String]| {
        let head = format!("schema = 1\ntitle = \"{what}\"\nreference = \"none\"\nsignal = \"{formula}\"\n");
        let text = format!("{head}[axis.t]\nunit = \"s\"\nrequires = [\"2 >= 0\"]\n{}", parameters.join(""));
        (what, SignalModel::parse("unusual", &text, Path::new("unusual.toml")).expect("the model is one"))
    };
    vec![
        model("one parameter", "S0 / (1 + t)", &[signal("S0", "[1.0, 4000.0]")]),
        model(
            "two signals",
            "A * exp(-t * R) + B * exp(-t * Q)",
            &[
                signal("A", "[-inf, inf]"),
                rate("R", "[0.1, 0.5]"),
                signal("B", "[-inf, 5000.0]"),
                rate("Q", "[0.5, 3.0]"),
            ],
        ),
        model(
            "functions",
            "S0 * abs(cos(W * t)) * (1 + t)^(-P) + C * log(1 + R * t)",
            &[
                signal("S0", "[0.0, inf]"),
                rate("W", "[0.0, 1.0]"),
                rate("P", "[0.0, 2.0]"),
                signal("C", "[0.0, inf]"),
                rate("R", "[0.0, 2.0]"),
            ],
        ),
        model(
            "six parameters",
            "S0 * (exp(-t * A) + F * t + H * sin(t * W) + max(0, t - M))",
            &[
                signal("S0", "[0.0, inf]"),
                rate("A", "[0.0, 3.0]"),
                rate("F", "[-1.0, 1.0]"),
                rate("H", "[-1.0, 1.0]"),
                rate("W", "[0.5, 2.0]"),
                rate("M", "[0.0, 2.0]"),
            ],
        ),
    ]
}

fn fits_are_valid(model: &SignalModel) -> Result<(), Failed> {
    for n_obs in [4, 16, 17] {
        let axis: Vec<f64> = (0..n_obs).map(|i| 0.3 * i as f64).collect();
        let axes = vec![axis; model.axes.len()];
        for pick in [|_| true, |quantity| matches!(quantity, Quantity::Parameter(_)), |q| q == Quantity::Rmse] {
            let options = NllsOptions::default();
            let kernel = NllsKernel::new(model, &axes, &options, |output| pick(output.quantity))?;
            of_observations(&kernel.shader(n_obs).ok_or("no shader")?, n_obs)?;
        }
        // With all that a voxel may have of its own: a factor of each axis, and the noise.
        let options = NllsOptions { noise: NoiseModel::Rician, ..NllsOptions::default() };
        let all: Vec<usize> = (0..axes.len()).collect();
        let n_rows = n_obs + all.len() + 1;
        let kernel = NllsKernel::scaled(model, &axes, &all, &options, |_| true)?;
        of_observations(&kernel.shader(n_rows).ok_or("no shader")?, n_rows)?;
    }
    Ok(())
}
