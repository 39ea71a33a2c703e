//! What a fit of a spectrum can be asked for.

use std::fmt::{Display, Formatter, Result as Written};
use std::str::FromStr;

use crate::{Error, Result};

/// How far the sum of squares rises above its least, unless told otherwise: 1.02 to 1.025 are customary in relaxometry, after
/// Whittall & MacKay 1989 (quoted at second hand).
const MISFIT: f64 = 1.02;

/// How much a spectrum is regularised: λ of ‖A·x − s‖² + λ·‖x‖², x ≥ 0.
///
/// The term is the "energy" of Whittall KP, MacKay AL. J Magn Reson 1989;84:134,
/// doi:10.1016/0022-2364(89)90011-5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Regularisation {
    /// λ = 0: as few spikes as it takes.
    None,
    /// The same λ in every voxel. A is exp(−b·D) and has no unit; λ has none either, and grows with the number of bins.
    Fixed(f64),
    /// In each voxel the λ that raises the sum of squares by this factor above its least (the same paper; compared with
    /// others by Bjarnason TA, Mitchell JR. J Magn Reson 2010;206:200, doi:10.1016/j.jmr.2010.07.008). It follows the
    /// noise without knowing it.
    Misfit(f64),
}

impl Default for Regularisation {
    fn default() -> Self {
        Self::Misfit(MISFIT)
    }
}

impl Display for Regularisation {
    fn fmt(&self, f: &mut Formatter) -> Written {
        match self {
            Self::None => write!(f, "none"),
            Self::Fixed(lambda) => write!(f, "{lambda}"),
            Self::Misfit(factor) => write!(f, "misfit:{factor}"),
        }
    }
}

impl FromStr for Regularisation {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong =
            "write none, a lambda above 0 such as 0.01, misfit, or misfit:FACTOR with a factor above 1 up to 10";
        let number = |text: &str| text.parse::<f64>().ok().filter(|value| value.is_finite());
        match text.split_once(':') {
            None if text == "none" => Ok(Self::None),
            None if text == "misfit" => Ok(Self::default()),
            None => number(text).filter(|&lambda| lambda > 0.0).map(Self::Fixed).ok_or(wrong),
            Some(("misfit", factor)) => {
                number(factor).filter(|&factor| 1.0 < factor && factor <= 10.0).map(Self::Misfit).ok_or(wrong)
            }
            Some(_) => Err(wrong),
        }
    }
}

/// A named part of the spectrum.
#[derive(Debug, Clone, PartialEq)]
pub struct PeakRange {
    /// Maps are named after it.
    pub name: String,
    /// From the first to below the second, mm²/s; the end of the spectrum belongs to the range that ends there.
    pub range: [f64; 2],
}

/// Every choice that changes a number.
#[derive(Debug, Clone, PartialEq)]
pub struct SpectrumOptions {
    /// Least and greatest diffusivity, mm²/s.
    pub range: [f64; 2],
    /// Diffusivities between them, equally spaced in their logarithm.
    pub n_bins: usize,
    /// How much it is regularised.
    pub regularisation: Regularisation,
    /// Parts whose areas and positions are written.
    pub peaks: Vec<PeakRange>,
    /// A peak counts if it holds this share of the spectrum's area.
    pub least_peak: f64,
}

impl Default for SpectrumOptions {
    /// Three ranges, since fits of the liver find three components (Cercueil JP et al. Eur Radiol 2015;25:1541,
    /// doi:10.1007/s00330-014-3554-6), cut where the bounds of D, D* and D** meet in `models/signal/triexponential.toml`:
    /// a choice, and no published limit.
    fn default() -> Self {
        let peak = |name: &str, range| PeakRange { name: name.into(), range };
        Self {
            range: [0.5e-3, 0.5],
            n_bins: 200,
            regularisation: Regularisation::default(),
            peaks: vec![peak("slow", [0.5e-3, 5e-3]), peak("intermediate", [5e-3, 0.05]), peak("fast", [0.05, 0.5])],
            least_peak: 0.02,
        }
    }
}

impl SpectrumOptions {
    /// The diffusivities of the bins, mm²/s.
    pub fn diffusivities(&self) -> Vec<f64> {
        let [low, high] = self.range;
        let step = (high / low).ln() / (self.n_bins - 1) as f64;
        let mut d: Vec<f64> = (0..self.n_bins).map(|bin| low * (step * bin as f64).exp()).collect();
        d[self.n_bins - 1] = high;
        d
    }

    /// Refuses what cannot be meant.
    pub(super) fn check(&self) -> Result<()> {
        let refuse = |problem: String, remedy: &str| Err(Error::Usage(format!("{problem}\n  remedy: {remedy}")));
        let [low, high] = self.range;
        if !(0.0 < low && low < high && high < f64::INFINITY) {
            let problem = format!("--range {low}:{high}: diffusivities cannot be spaced by their logarithm there");
            return refuse(problem, "give the lower end first, both above 0, in mm²/s");
        }
        if !(20..=1000).contains(&self.n_bins) {
            return refuse(format!("--bins {}: from 20 to 1000 can be used", self.n_bins), "200 is the default");
        }
        if !(0.0..1.0).contains(&self.least_peak) {
            return refuse(
                format!("--least-peak {}: it is a share", self.least_peak),
                "give a number from 0 to below 1",
            );
        }
        for (i, PeakRange { name, range: [from, to] }) in self.peaks.iter().enumerate() {
            if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return refuse(format!("--peaks {name:?}: maps are named after it"), "use letters, digits and _");
            }
            if self.peaks[..i].iter().any(|other| other.name.eq_ignore_ascii_case(name)) {
                return refuse(format!("--peaks {name}: the name is given twice"), "name each range otherwise");
            }
            if !(from < to && *to > low && *from < high) {
                let problem = format!("--peaks {name}={from}:{to}: holds nothing of the spectrum, {low}:{high} mm²/s");
                return refuse(problem, "give the lower end first, and ranges that overlap with --range");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for (text, expected) in [
            ("none", Regularisation::None),
            ("0.01", Regularisation::Fixed(0.01)),
            ("misfit", Regularisation::Misfit(1.02)),
            ("misfit:1.1", Regularisation::Misfit(1.1)),
        ] {
            assert_eq!(text.parse(), Ok(expected));
            assert_eq!(expected.to_string().parse(), Ok(expected));
        }
        for text in ["", "0", "-1", "nan", "inf", "misfit:1", "misfit:x", "misfit:11", "energy:2"] {
            assert!(text.parse::<Regularisation>().is_err(), "{text}");
        }
    }

    #[test]
    fn bins_reach_from_end_to_end() {
        let d = SpectrumOptions::default().diffusivities();
        assert_eq!((d.len(), d[0], d[199]), (200, 0.5e-3, 0.5));
        let ratios = d.windows(2).map(|pair| pair[1] / pair[0]);
        assert!(ratios.clone().all(|ratio| (ratio / 1000f64.powf(1.0 / 199.0) - 1.0).abs() < 1e-12));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        type Change = fn(&mut SpectrumOptions);
        let with = |change: Change| {
            let mut options = SpectrumOptions::default();
            change(&mut options);
            options.check().map_err(|error| error.to_string())
        };
        assert_eq!(with(|_| ()), Ok(()));
        let refused: [(Change, &str); 7] = [
            (|o| o.range = [0.0, 1.0], "--range"),
            (|o| o.range = [1.0, 0.1], "--range"),
            (|o| o.n_bins = 5, "--bins"),
            (|o| o.least_peak = 1.0, "--least-peak"),
            (|o| o.peaks[0].name = "a/b".into(), "--peaks"),
            (|o| o.peaks[0].name = "FAST".into(), "twice"),
            (|o| o.peaks[0].range = [0.6, 0.7], "holds nothing"),
        ];
        for (change, named) in refused {
            assert!(
                with(change).is_err_and(|message| message.contains(named) && message.contains("remedy")),
                "{named}"
            );
        }
    }
}
