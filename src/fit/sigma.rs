//! Where the noise of a fitted series comes from: given, its repeats, the residuals of a first fit, or the background.
//!
//! σ is that of one image before averaging, in the unit of the series.

use std::path::PathBuf;
use std::str::FromStr;

use serde_json::{Value, json};

use super::weak::every;
use super::{FitMethod, FitOutput, Role, status};
use crate::device::{Column, Device, Row, Source};
use crate::measure::Noise;
use crate::measure::noise::{GAUSSIAN_ABOVE, MIN_VOXELS, ROUNDS, median, relative_sd};
use crate::model::signal::NoiseModel;
use crate::model::signal::program::SampleProgram;
use crate::remarks::Remarks;
use crate::volume::{Image, ReadOptions, Series, VoxelType, read};
use crate::{Error, Result};

/// What a user says of σ.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Sigma {
    /// The first of repeats, residuals and background that the series allows.
    #[default]
    Estimate,
    /// The same everywhere, in the unit of the series.
    Value(f64),
    /// An image with one of each voxel.
    Map(PathBuf),
    /// Volumes that agree in all axes.
    Repeats,
    /// What a first least-squares fit leaves.
    Residuals,
    /// The air around the body.
    Background,
}

impl FromStr for Sigma {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "" => return Err("give a number above 0, a file, or estimate, repeats, residuals or background".into()),
            "estimate" => Self::Estimate,
            "repeats" => Self::Repeats,
            "residuals" => Self::Residuals,
            "background" => Self::Background,
            _ => match text.parse() {
                Ok(sigma) => Self::Value(Noise::given(sigma)?.sigma),
                Err(_) => Self::Map(text.into()),
            },
        })
    }
}

/// Pairs of repeats that are looked at, at most: σ is then known to 0.1 %.
const PAIRS: usize = 1 << 20;
/// Voxels whose residuals are looked at, at most.
const FITTED: usize = 1 << 14;

const OF_REPEATS: &str = "repeats: sd of the difference of volumes that agree in all axes / sqrt(2), where the signal is \
                          above 5 sigma; differences by direction and motion add to it";
const OF_RESIDUALS: &str = "residuals: of a first least-squares fit, in voxels whose samples are all above 5 sigma; what \
                            the model does not describe adds to it";
const REMEDY: &str = "give --sigma VALUE or FILE, such as from repeated images";

/// What a sidecar says of σ, and σ of each voxel of the series. Of the methods that estimate it, each is warned of by its
/// limits where it is used.
///
/// # Errors
/// Those of reading a map; [`Error::Data`] where σ cannot be known in the way that is asked for.
pub(super) fn resolve(
    sigma: &Sigma,
    method: &FitMethod,
    series: &Series,
    picked: Option<&[u32]>,
    device: &Device,
    options: &ReadOptions,
) -> Result<(Value, Image)> {
    if let Sigma::Map(path) = sigma {
        let map = read(path, options)?;
        // Not its path, which may name a person.
        return Ok((json!({ "map": true, "sha256": map.sha256()? }), map));
    }
    let noise = match sigma {
        Sigma::Value(value) => {
            Noise::given(*value).map_err(|why| Error::Usage(format!("{why}\n  remedy: {REMEDY}")))?
        }
        _ => estimate(sigma, method, series, picked, device, &options.remarks)?,
    };
    let values = vec![noise.sigma as f32; series.grid.n_voxels()];
    Ok((json!(noise), Image::from_values("sigma", series.grid.clone(), VoxelType::F32, &values)))
}

fn estimate(
    sigma: &Sigma,
    method: &FitMethod,
    series: &Series,
    picked: Option<&[u32]>,
    device: &Device,
    remarks: &Remarks,
) -> Result<Noise> {
    let ways = match sigma {
        Sigma::Estimate => vec![Sigma::Repeats, Sigma::Residuals, Sigma::Background],
        one => vec![one.clone()],
    };
    let mut problems = Vec::new();
    for way in ways {
        let found = match way {
            Sigma::Repeats => from_repeats(series, picked, method.noise()),
            Sigma::Residuals => from_residuals(method, series, picked, device)?,
            _ => from_background(series),
        };
        match found {
            Ok(noise) => {
                remarks.say(format!("the noise is estimated as {:.6}, from {}", noise.sigma, noise.method));
                return Ok(noise);
            }
            Err(why) => problems.push(why),
        }
    }
    let problem = format!("the noise is unknown:\n    {}", problems.join("\n    "));
    Err(Error::data(&series.images()[0].path, problem, REMEDY))
}

/// From the differences of neighbours among the volumes that agree in all axes.
fn from_repeats(series: &Series, picked: Option<&[u32]>, noise: NoiseModel) -> Result<Noise, String> {
    let groups = series.repeats();
    let n_pairs: usize = groups.iter().map(|group| group.len() - 1).sum();
    if n_pairs == 0 {
        return Err("repeats: no two volumes agree in all axes".into());
    }
    let source = Source::new(Vec::new(), series.grid.n_voxels(), picked.map(<[u32]>::to_vec));
    let voxels = every(&source, PAIRS / n_pairs);
    let mut pairs = Vec::with_capacity(n_pairs * voxels.len());
    for group in &groups {
        let mut before = values(&group[0], &voxels);
        for row in &group[1..] {
            let next = values(row, &voxels);
            pairs.extend(before.iter().zip(&next).map(|(&a, &b)| [a, b]));
            before = next;
        }
    }
    Noise::from_pairs(&pairs, noise, OF_REPEATS).map_err(|why| format!("repeats: {why}"))
}

fn values(row: &Row, voxels: &[u32]) -> Vec<f32> {
    let source = Source::new(vec![*row], row.bytes.len() / row.voxel_type.size(), Some(voxels.to_vec()));
    let mut values = vec![0.0; voxels.len()];
    source.batch(0..voxels.len()).row(0).load_f32(0, &mut values);
    values
}

/// From the sums of squares that a least-squares fit leaves: the median of rss/(n − p) over that of χ²/(n − p).
fn from_residuals(
    method: &FitMethod,
    series: &Series,
    picked: Option<&[u32]>,
    device: &Device,
) -> Result<Result<Noise, String>> {
    if !series.is_as_stored() {
        return Ok(Err("residuals: of averaged or filtered volumes they are less than the noise of one image".into()));
    }
    let plain = method.least_squares();
    let (model, choice) = (plain.signal_model()?, plain.choice()?);
    let names: Vec<&str> = choice.fitted().map(|i| model.parameters[i].name.as_str()).collect();
    let (n_samples, n_fitted) = (series.volumes.len(), names.len());
    if n_samples <= n_fitted {
        return Ok(Err(format!("residuals: {n_fitted} parameters leave none in {n_samples} volumes")));
    }
    let is_wanted = |o: &&FitOutput| names.contains(&o.name.as_str()) || o.name == "rmse" || o.role == Role::Status;
    let wanted: Vec<FitOutput> = plain.outputs()?.iter().filter(is_wanted).cloned().collect();
    let kernel = plain.kernel(&series.protocol(), &wanted)?;
    let voxels = every(&Source::new(Vec::new(), series.grid.n_voxels(), picked.map(<[u32]>::to_vec)), FITTED);
    let rows = series.rows();
    let factors: Vec<Vec<f32>> = rows[n_samples..].iter().map(|row| values(row, &voxels)).collect();
    let columns = device.run(&*kernel, &Source::new(rows, series.grid.n_voxels(), Some(voxels)), &())?;
    let by_name: Vec<(String, Vec<f64>)> =
        kernel.columns().into_iter().map(|spec| spec.name).zip(columns.into_iter().map(Column::into_f64)).collect();
    let column = |name: &str| {
        let found = by_name.iter().find(|(known, _)| known == name);
        found.map(|(_, values)| values.as_slice()).ok_or_else(|| Error::Internal(format!("no column `{name}`")))
    };
    let parameters = names.iter().map(|name| column(name)).collect::<Result<Vec<_>>>()?;
    let (rmse, statuses) = (column("rmse")?, column("status")?);

    let protocol = series.protocol();
    let program = SampleProgram::scaled(&model, &choice, &protocol.values, &protocol.scaled, &vec![1.0; n_fitted])
        .map_err(|fault| Error::Internal(fault.problem))?;
    let freedom = (n_samples - n_fitted) as f64;
    let variance_and_signals = |v: usize| {
        let given = factors.iter().map(|factor| f64::from(factor[v]));
        let inputs: Vec<f64> = parameters.iter().map(|values| values[v]).chain(given).collect();
        (rmse[v].powi(2) * n_samples as f64 / freedom, program.signals(&inputs))
    };
    let is_whole = |&v: &usize| rmse[v].is_finite() && statuses[v] as u16 & status::SAMPLES_DROPPED == 0;
    let all: Vec<(f64, Vec<f64>)> = (0..rmse.len()).filter(is_whole).map(variance_and_signals).collect();
    let mut sigma = 0.0;
    let mut used = Vec::new();
    for _ in 0..ROUNDS {
        let is_bright = |signals: &[f64]| signals.iter().all(|&signal| signal > GAUSSIAN_ABOVE * sigma);
        let relative =
            |signal: f64| if sigma > 0.0 { relative_sd(method.noise(), signal / sigma).powi(2) } else { 1.0 };
        let of_one = |(variance, signals): &(f64, Vec<f64>)| {
            variance * n_samples as f64 / signals.iter().map(|&signal| relative(signal)).sum::<f64>()
        };
        used = all.iter().filter(|(_, signals)| is_bright(signals)).map(of_one).collect();
        if used.len() < MIN_VOXELS {
            break;
        }
        sigma = (median(&mut used) / (chi_squared_median(n_samples - n_fitted) / freedom)).sqrt();
    }
    if used.len() < MIN_VOXELS || sigma.is_nan() || sigma <= 0.0 {
        let n = used.len();
        return Ok(Err(format!("residuals: {n} voxels have all samples above {GAUSSIAN_ABOVE} times the noise")));
    }
    Ok(Ok(Noise { sigma, method: OF_RESIDUALS, n_voxels: Some(used.len()), repeat_sha256: None }))
}

/// The median of χ² of `k` ≥ 1 degrees of freedom: exact for 1 and 2; beyond, to 2e-4, twice that of the gamma distribution
/// of k/2 (Choi 1994, doi:10.1090/S0002-9939-1994-1195477-8).
fn chi_squared_median(k: usize) -> f64 {
    match k {
        1 => 0.454_936_423_119_573,
        2 => 2.0 * std::f64::consts::LN_2,
        _ => {
            let a = k as f64 / 2.0;
            2.0 * (a - 1.0 / 3.0 + 8.0 / (405.0 * a) + 184.0 / (25_515.0 * a * a) + 2_248.0 / (3_444_525.0 * a.powi(3)))
        }
    }
}

/// From the air of the darkest volume, where ghosts of the body are least.
fn from_background(series: &Series) -> Result<Noise, String> {
    let load = |row: &Row| {
        let mut values = vec![0.0; series.grid.n_voxels()];
        row.load_f32(0, &mut values);
        values
    };
    let sum = |values: &[f32]| values.iter().filter(|x| x.is_finite()).map(|&x| f64::from(x)).sum::<f64>();
    let volumes = series.unfiltered().into_iter().map(|row| load(&row));
    let darkest = volumes.map(|values| (sum(&values), values)).min_by(|a, b| a.0.total_cmp(&b.0));
    let (_, values) = darkest.ok_or("background: there is no volume")?;
    Noise::from_background(&series.grid, &values).map_err(|why| format!("background: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read() {
        assert_eq!("4.5".parse(), Ok(Sigma::Value(4.5)));
        assert_eq!("repeats".parse(), Ok(Sigma::Repeats));
        assert_eq!("s.nii.gz".parse(), Ok(Sigma::Map("s.nii.gz".into())));
        for bad in ["", "0", "-1", "nan", "inf"] {
            assert!(bad.parse::<Sigma>().is_err(), "{bad}");
        }
    }

    /// scipy 1.17: scipy.stats.chi2.ppf(0.5, k)
    #[test]
    fn medians_are_those_of_chi_squared() {
        for (k, median) in [(1, 0.454936), (2, 1.386294), (3, 2.365974), (5, 4.351460), (8, 7.344121), (36, 35.335573)]
        {
            let agrees = |got: f64| (got / median - 1.0).abs() < 3e-4;
            assert!(agrees(chi_squared_median(k)), "{k}: {}", chi_squared_median(k));
            assert!(!agrees(chi_squared_median(k) * 1.001), "the comparison cannot fail");
        }
    }
}
