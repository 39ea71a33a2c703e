//! Maps by formula are what their sources say, on every device: each shipped map against a closed form written by
//! hand, and each operator at its edges.

mod cases;
mod command_line;
mod operators;

use std::path::Path;

use hepar::device::cpu::Cpu;
use hepar::device::{Column, Precision, Row, Source, VoxelKernel};
use hepar::model::{BoundMap, MapKernel, MapModel};
use hepar::volume::{Scaling, VoxelType};
use libtest_mimic::{Failed, Trial};

use cases::{CLOSED_FORMS, ClosedForm, Input};
use command_line::command_line;
use operators::{OPERATORS, Operator};

/// How far a value may lie from its closed form in f64, as a part of it.
///
/// | device | tolerance | why |
/// | --- | --- | --- |
/// | CPU, f64 | 1.2e-7 | the map is written in f32: half of 2⁻²³, and as much again for what is read back |
/// | CPU, f32 | 1e-6 | up to eight roundings of 6e-8, and a logarithm of a rounded quotient |
const DEVICES: [(&str, Precision, f64); 2] = [
    ("cpu_f64", Precision::F64, 1.2e-7),
    ("cpu_f32", Precision::F32, 1e-6),
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("maps_all_have_a_closed_form", all_have_a_closed_form),
        Trial::test("maps_canary", canary),
        Trial::test("maps_command_line", command_line),
    ];
    for (device, precision, tolerance) in DEVICES {
        trials.push(Trial::test(format!("maps_on_{device}"), move || {
            let cpu = Cpu::new(0, precision)?;
            check(|kernel, source| cpu.run(kernel, source), tolerance)
        }));
    }
    trials
}

/// The promise, for any device that runs kernels.
pub(crate) fn check(
    run: impl Fn(&dyn VoxelKernel, &Source) -> Vec<Column>,
    tolerance: f64,
) -> Result<(), Failed> {
    for form in CLOSED_FORMS {
        check_closed_form(&run, form, tolerance)?;
    }
    for operator in OPERATORS {
        check_operator(&run, operator, tolerance)?;
    }
    Ok(())
}

/// Voxels in every test image.
const N: usize = 3001;

/// Images of whole numbers from `low` to `high`, one a row, in which every image passes through its range at its own
/// pace.
fn images(inputs: &[Input]) -> Vec<Vec<f32>> {
    let paces = [7, 11, 13];
    let ranges = inputs.iter().filter_map(|input| match *input {
        Input::Image(low, high) => Some((low, high)),
        Input::Number(_) => None,
    });
    let image = |((low, high), pace): ((i32, i32), usize)| {
        let span = (high - low + 1) as usize;
        (0..N)
            .map(|i| (low + (i * pace % span) as i32) as f32)
            .collect()
    };
    ranges.zip(paces).map(image).collect()
}

fn source(images: &[Vec<f32>]) -> Source<'_> {
    let rows = images.iter().map(|image| Row {
        bytes: bytemuck::cast_slice(image),
        voxel_type: VoxelType::F32,
        scaling: Scaling::IDENTITY,
    });
    Source::new(rows.collect(), images[0].len(), None)
}

/// The columns of a kernel of one map.
fn one_map(
    run: impl Fn(&dyn VoxelKernel, &Source) -> Vec<Column>,
    map: &BoundMap,
    images: &[Vec<f32>],
) -> Result<(Vec<f64>, Vec<u16>), Failed> {
    let kernel = MapKernel::new(std::slice::from_ref(map))?;
    match run(&kernel, &source(images)).as_slice() {
        [values, Column::U16(status)] => Ok((values.clone().into_f64(), status.clone())),
        other => Err(format!("{} columns of other types", other.len()).into()),
    }
}

fn check_closed_form(
    run: impl Fn(&dyn VoxelKernel, &Source) -> Vec<Column>,
    form: &ClosedForm,
    tolerance: f64,
) -> Result<(), Failed> {
    let model = MapModel::builtin(form.map)?;
    let images = images(form.inputs);
    let mut map = BoundMap::new("out", model);
    let mut rows = 0..;
    for (spec, input) in model.inputs.iter().zip(form.inputs) {
        map = match (*input, rows.start) {
            (Input::Number(value), _) => map.number(&spec.name, value),
            (Input::Image(..), row) => {
                rows.start += 1;
                map.image(&spec.name, row)
            }
        };
    }
    let (values, status) = one_map(run, &map, &images)?;
    let mut seen = [0; 3];
    for (voxel, (&value, &status)) in values.iter().zip(&status).enumerate() {
        let mut row = images.iter();
        let arguments: Vec<f64> = form
            .inputs
            .iter()
            .map(|input| match *input {
                Input::Number(value) => value,
                Input::Image(..) => row.next().map_or(f64::NAN, |image| f64::from(image[voxel])),
            })
            .collect();
        let want = (form.value)(&arguments);
        agree(form, value, status, want, tolerance)
            .map_err(|why| format!("{} of {arguments:?}: {why}", form.map))?;
        seen[usize::from(status).min(4) / 2] += 1;
    }
    // Inputs that never pass, or never fail, would prove nothing.
    match (seen, form.guarded, form.range.is_some()) {
        ([0, ..], ..) => Err(format!("{}: no voxel without remark", form.map).into()),
        ([_, 0, _], true, _) => Err(format!("{}: no guard failed", form.map).into()),
        ([.., 0], _, true) => Err(format!("{}: nothing was out of range", form.map).into()),
        _ => Ok(()),
    }
}

/// Compares a voxel with its closed form: `None` where a guard fails.
fn agree(
    form: &ClosedForm,
    value: f64,
    status: u16,
    want: Option<f64>,
    tolerance: f64,
) -> Result<(), String> {
    let Some(want) = want else {
        return match value.is_nan() && status == 2 {
            true => Ok(()),
            false => Err(format!("{value} with status {status}, not NaN with 2")),
        };
    };
    let near = |a: f64, b: f64| (a - b).abs() <= tolerance * b.abs();
    if !near(value, want) {
        return Err(format!("{value}, not {want}"));
    }
    let outside = form
        .range
        .is_some_and(|[low, high]| want < low || want > high);
    let on_limit = form
        .range
        .is_some_and(|limits| limits.iter().any(|&limit| near(want, limit)));
    let expected = if outside { 4 } else { 0 };
    // On a limit, rounding decides.
    match status == expected || on_limit {
        true => Ok(()),
        false => Err(format!("{want} has status {status}, not {expected}")),
    }
}

fn check_operator(
    run: impl Fn(&dyn VoxelKernel, &Source) -> Vec<Column>,
    operator: &Operator,
    tolerance: f64,
) -> Result<(), Failed> {
    let uses_b = operator.formula.contains('b') && operator.formula != "abs(a)";
    let names = if uses_b { &["a", "b"][..] } else { &["a"] };
    let inputs: String = names
        .iter()
        .map(|name| format!("[[inputs]]\nname = '{name}'\ndoc = ''\n"))
        .collect();
    let text = format!(
        "schema = 1\ntitle = ''\nreference = {{ source = '' }}\nmodality = ['MR']\nformula = '{}'\nunit = ''\n{inputs}",
        operator.formula
    );
    let model = MapModel::parse("operator", &text, Path::new("operator.toml"))?;
    let rows = names.iter().enumerate();
    let map = rows.fold(BoundMap::new("out", &model), |map, (row, name)| {
        map.image(name, row)
    });
    let image = |i: usize| operator.cases.iter().map(|case| case[i] as f32).collect();
    let images: Vec<Vec<f32>> = (0..names.len()).map(image).collect();
    let (values, status) = one_map(run, &map, &images)?;
    for ((&[a, b, want], value), status) in operator.cases.iter().zip(values).zip(status) {
        // A logarithm or a sine near its zero is held to an absolute error; a power to that of its exponent.
        let close = (value - want).abs() <= operator.slack * tolerance * want.abs().max(1e-3);
        let ok = match want.is_nan() {
            true => value.is_nan() && status == 8,
            false => close && status == 0,
        };
        if !ok {
            let formula = operator.formula;
            return Err(
                format!("{formula} of {a}, {b}: {value} with status {status}, not {want}").into(),
            );
        }
    }
    Ok(())
}

fn all_have_a_closed_form() -> Result<(), Failed> {
    let mut written: Vec<&str> = CLOSED_FORMS.iter().map(|form| form.map).collect();
    written.sort_unstable();
    let shipped: Vec<&str> = MapModel::all()
        .iter()
        .map(|map| map.name.as_str())
        .collect();
    match written == shipped {
        true => Ok(()),
        false => Err(format!("closed forms of {written:?}, but maps {shipped:?}").into()),
    }
}

/// A device that is off by a little, or that flags another voxel, must be noticed.
fn canary() -> Result<(), Failed> {
    let cpu = Cpu::new(0, Precision::F32)?;
    let wrong: [fn(&mut [Column]); 3] = [
        |columns| {
            if let Column::F32(values) = &mut columns[0] {
                values.iter_mut().for_each(|v| *v *= 1.000_003);
            }
        },
        |columns| {
            if let Column::F32(values) = &mut columns[0] {
                values
                    .iter_mut()
                    .filter(|v| !v.is_nan())
                    .take(1)
                    .for_each(|v| *v = f32::NAN);
            }
        },
        |columns| {
            if let Column::U16(status) = &mut columns[1] {
                status[0] ^= 4;
            }
        },
    ];
    for (i, perturb) in wrong.into_iter().enumerate() {
        let run = |kernel: &dyn VoxelKernel, source: &Source| {
            let mut columns = cpu.run(kernel, source);
            perturb(&mut columns);
            columns
        };
        for form in CLOSED_FORMS {
            if check_closed_form(run, form, 1e-6).is_ok() {
                return Err(format!("perturbation {i} of {} was not noticed", form.map).into());
            }
        }
        for operator in OPERATORS {
            if check_operator(run, operator, 1e-7).is_ok() {
                return Err(
                    format!("perturbation {i} of {} was not noticed", operator.formula).into(),
                );
            }
        }
    }
    Ok(())
}
