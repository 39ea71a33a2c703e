//! Generated code does to the bit what interpreting does.

use std::path::Path;

use hepar::device::Precision;
use hepar::fit::nlls::{NllsKernel, NllsOptions};
use hepar::model::SignalModel;
use libtest_mimic::{Failed, Trial};

use super::{B, cpu, kernel, run, simulated, source};
use crate::protocol;

/// Not a multiple of any vector's length.
const N_VOXELS: usize = 1001;

pub fn trials() -> Vec<Trial> {
    let trial = |model: &'static SignalModel| {
        Trial::test(format!("nlls_{}_generated_as_interpreted", model.name), move || as_interpreted(model))
    };
    let mut trials: Vec<Trial> = SignalModel::all().iter().map(trial).collect();
    trials.push(Trial::test("nlls_of_other_formulas_is_interpreted", others_are_interpreted));
    trials
}

/// Every shipped model has generated code, which is up to date: else it would not be used.
fn as_interpreted(model: &'static SignalModel) -> Result<(), Failed> {
    let axes = protocol::of(model, &B)?;
    let kernel = kernel(model, &axes, |_| true)?;
    assert!(kernel.problem().code.is_built_in(), "run: cargo run --release --example generate");
    let interpreted = kernel.clone().interpreted();
    assert!(!interpreted.problem().code.is_built_in());
    let complete = simulated(model, &axes, N_VOXELS)?;
    let mut incomplete = complete.clone();
    for (k, row) in incomplete.iter_mut().enumerate() {
        row.iter_mut().skip(k).step_by(7).for_each(|y| *y = f32::NAN);
    }
    for precision in [Precision::F32, Precision::F64] {
        let device = cpu(precision)?;
        let bits = |kernel: &NllsKernel, signals: &[Vec<f32>]| -> Result<Vec<Vec<u64>>, Failed> {
            let columns = run(&device, kernel, &source(signals))?;
            assert!(columns.iter().flatten().filter(|x| x.is_finite()).count() > N_VOXELS, "hardly a fit");
            Ok(columns.iter().map(|column| column.iter().map(|x| x.to_bits()).collect()).collect())
        };
        let [of_complete, of_incomplete] = [bits(&kernel, &complete)?, bits(&kernel, &incomplete)?];
        assert_ne!(of_complete, of_incomplete, "missing samples must be noticed");
        for (found, expected) in
            [(of_complete, bits(&interpreted, &complete)?), (of_incomplete, bits(&interpreted, &incomplete)?)]
        {
            for ((output, found), expected) in kernel.outputs().iter().zip(found).zip(expected) {
                assert!(found == expected, "{} of {} in {precision:?}", output.name, model.name);
            }
        }
    }
    Ok(())
}

/// A formula that no shipped model has, a parameter that is fixed, and a factor of each voxel.
fn others_are_interpreted() -> Result<(), Failed> {
    let model = SignalModel::builtin("ivim")?;
    let fixed = NllsOptions { fixed: vec![("f".into(), 0.2)], ..NllsOptions::default() };
    let axes = [B.to_vec()];
    for (scaled, options, is_built_in) in
        [(&[][..], NllsOptions::default(), true), (&[], fixed, false), (&[0], NllsOptions::default(), false)]
    {
        let kernel = NllsKernel::scaled(model, &axes, scaled, &options, |_| true)?;
        assert_eq!(kernel.problem().code.is_built_in(), is_built_in, "{options:?} {scaled:?}");
    }
    let text = "schema = 1\ntitle = \"other\"\nreference = \"none\"\nsignal = \"S0 * exp(-b * D) / (1 + b * K)\"\n\
                [axis.b]\nunit = \"s/mm^2\"\nrequires = [\"3 >= 0\"]\n[parameter.S0]\nunit = \"signal\"\n\
                bounds = [0.0, inf]\ndoc = \"signal\"\n[parameter.D]\nunit = \"mm^2/s\"\nbounds = [0.0, 0.005]\n\
                scale = 1e-3\ndoc = \"diffusion\"\n[parameter.K]\nunit = \"mm^2/s\"\nbounds = [0.0, 0.005]\n\
                scale = 1e-3\ndoc = \"another\"\n";
    let other = SignalModel::parse("other", text, Path::new("other.toml"))?;
    assert!(!kernel(&other, &axes, |_| true)?.problem().code.is_built_in());
    Ok(())
}
