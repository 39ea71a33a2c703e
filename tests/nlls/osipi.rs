//! IVIM on the community's reference signals: the published means, and the least sums of squares that there are.

use std::path::Path;

use hepar::device::{Device, Precision};
use hepar::fit::nlls::NllsOptions;
use hepar::model::SignalModel;
use libtest_mimic::{Failed, Trial};

use super::{Maps, cpu, fit, quantile, sums_of_squares, support};
use crate::segmented::reference::{B, Reference};
use crate::tolerances::{NLLS_OSIPI_MEAN, NLLS_OSIPI_SD, NLLS_SQUARES_F32, NLLS_SQUARES_F64};

const N_FITS: usize = 300;
const N_CELLS: usize = 35;
/// Share of a cell's fits in f64 that may miss the optimum: of 300, none.
const MOST_BEYOND: f64 = 0.002;
/// SNR of each cell, tissue after tissue.
const SNR: [f64; 5] = [10.0, 30.0, 50.0, 100.0, 200.0];
/// Tissues in the order of the cells, and from which SNR on a program with one start finds the optimum.
const RELIABLE_FROM: [(&str, Option<f64>); 7] = [
    ("Bone Marrow", Some(50.0)),
    ("gall bladder", None),
    ("Liver", Some(50.0)),
    ("muscle", Some(100.0)),
    ("Right kydney cortex", Some(200.0)),
    ("small intestine", Some(50.0)),
    ("spleen", Some(50.0)),
];

pub fn trials() -> Vec<Trial> {
    vec![
        support::with_data("nlls_ivim_f64_as_osipi_has_it", f64_as_published),
        support::with_data("nlls_ivim_f32_reaches_the_optimum_of_osipi on the CPU", |data| {
            f32_reaches_the_optimum(&cpu(Precision::F32), data)
        }),
    ]
}

fn options() -> NllsOptions {
    NllsOptions { bounds: vec![("S0".into(), [0.7, 1.3])], ..NllsOptions::default() }
}

/// `[cell · fit]`: the least sum of squares.
fn optimum() -> Result<Vec<f64>, Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/reference/osipi_ivim_optimum/ssq.f64");
    let bytes = std::fs::read(path)?;
    Ok(bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect())
}

fn fitted(device: &Device, data: &Path) -> Result<(Maps, Vec<f64>), Failed> {
    let signals = Reference::read(data)?.plain();
    assert_eq!(signals.len(), N_CELLS * N_FITS);
    let model = SignalModel::builtin("ivim")?;
    let axes = [B.to_vec()];
    let maps = fit(device, model, &axes, &options(), &signals)?;
    let sums = sums_of_squares(model, &axes, &maps, &signals)?;
    Ok((maps, sums))
}

/// Shares of fits beyond a tolerance, `[cell]`.
fn beyond(sums: &[f64], optimum: &[f64], tolerance: f64) -> Vec<usize> {
    let within: Vec<bool> = sums.iter().zip(optimum).map(|(s, o)| s / o - 1.0 <= tolerance).collect();
    within.chunks_exact(N_FITS).map(|cell| cell.iter().filter(|&&within| !within).count()).collect()
}

fn f64_as_published(data: std::path::PathBuf) -> Result<(), Failed> {
    let (maps, sums) = fitted(&cpu(Precision::F64), &data)?;
    let reference = Reference::read(&data)?;
    for (tissue, (name, from)) in RELIABLE_FROM.iter().enumerate() {
        for (i, snr) in SNR.iter().enumerate().filter(|(_, snr)| from.is_some_and(|from| **snr >= from)) {
            let cell = tissue * SNR.len() + i;
            for parameter in ["D", "f", "Dstar"] {
                let values = &maps[parameter][cell * N_FITS..][..N_FITS];
                let [mean, sd] = reference.differences("nlls", parameter, cell, values)?;
                assert!(mean <= NLLS_OSIPI_MEAN, "{name}, SNR {snr}: mean of {parameter} off by {mean:e}");
                assert!(sd <= NLLS_OSIPI_SD, "{name}, SNR {snr}: sd of {parameter} off by {sd:e}");
                let wrong: Vec<f64> = values.iter().map(|v| v * 1.001).collect();
                let [mean, _] = reference.differences("nlls", parameter, cell, &wrong)?;
                assert!(mean > NLLS_OSIPI_MEAN, "the comparison cannot fail");
            }
        }
    }
    let optimum = optimum()?;
    let higher: Vec<f64> = sums.iter().map(|s| s * (1.0 + 2.0 * NLLS_SQUARES_F64)).collect();
    assert!(beyond(&higher, &optimum, NLLS_SQUARES_F64).iter().all(|&n| n == N_FITS), "the comparison cannot fail");
    let beyond = beyond(&sums, &optimum, NLLS_SQUARES_F64);
    println!("fits beyond the optimum: {beyond:?}");
    for (cell, &n) in beyond.iter().enumerate().filter(|(cell, _)| cell % SNR.len() > 0) {
        assert!(
            n as f64 <= MOST_BEYOND * N_FITS as f64,
            "cell {cell}: {n} of {N_FITS} fits beyond the optimum: {beyond:?}"
        );
    }
    Ok(())
}

fn f32_reaches_the_optimum(device: &Device, data: std::path::PathBuf) -> Result<(), Failed> {
    let (_, sums) = fitted(device, &data)?;
    let optimum = optimum()?;
    let excess: Vec<f64> = sums.iter().zip(&optimum).map(|(s, o)| s / o - 1.0).collect();
    let within = |excess: &[f64]| excess.iter().filter(|e| **e <= NLLS_SQUARES_F32).count() as f64;
    let share = within(&excess) / excess.len() as f64;
    let median = quantile(&excess, 0.5);
    assert!(share >= 0.995 && median <= 1e-5, "{share} of fits reach the optimum; median excess {median:e}");
    let wrong: Vec<f64> = excess.iter().map(|e| e + 2e-3).collect();
    assert!(within(&wrong) / (excess.len() as f64) < 0.995, "the comparison cannot fail");
    Ok(())
}
