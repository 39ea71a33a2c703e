//! What a fit of a spectrum can write.

use super::{PeakRange, SpectrumOptions};
use crate::device::ColumnType;

/// One map.
#[derive(Debug, Clone, PartialEq)]
pub struct SpectrumOutput {
    /// Its name, as in its file name.
    pub name: String,
    /// Its unit; empty for plain numbers.
    pub unit: &'static str,
    /// What it is, in a line.
    pub title: String,
    /// What it holds.
    pub quantity: SpectrumQuantity,
    /// Volumes, and columns: 1 but for the spectrum.
    pub n_volumes: usize,
}

/// What a map holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpectrumQuantity {
    /// Area of the spectrum: the signal at b = 0.
    S0,
    /// Share of the area in a range of [`SpectrumOptions::peaks`].
    Fraction(usize),
    /// Geometric mean of the diffusivity in that range.
    Position(usize),
    /// Number of peaks.
    Peaks,
    /// Root mean square of the residual.
    Rmse,
    /// λ.
    Regularisation,
    /// Steps of the solver, over all λ that were tried.
    Iterations,
    /// Remarks, a bit each.
    Status,
    /// x of every bin.
    Spectrum,
}

impl SpectrumOutput {
    /// All maps, in the order of writing.
    pub fn all(options: &SpectrumOptions) -> Vec<Self> {
        use SpectrumQuantity as Q;
        let new =
            |name: &str, unit, title: String, quantity| Self { name: name.into(), unit, title, quantity, n_volumes: 1 };
        let mut all = vec![new("S0", "a.u.", "Signal at b = 0: area of the spectrum".into(), Q::S0)];
        for (i, PeakRange { name, range: [from, to] }) in options.peaks.iter().enumerate() {
            let between = format!("with D from {from} to {to} mm²/s");
            let title = format!("Fraction of the signal {between}");
            all.push(new(&format!("{name}_fraction"), "", title, Q::Fraction(i)));
            let title = format!("Geometric mean D of the signal {between}");
            all.push(new(&format!("{name}_D"), "mm^2/s", title, Q::Position(i)));
        }
        let least = 100.0 * options.least_peak;
        all.extend([
            new("n_peaks", "", format!("Number of peaks of {least} % of the area or more"), Q::Peaks),
            new("rmse", "a.u.", "Root mean square residual of the signal".into(), Q::Rmse),
            new("regularisation", "", "Weight of the sum of squares of the spectrum, lambda".into(), Q::Regularisation),
            new("iterations", "", "Steps of the solver".into(), Q::Iterations),
            new("status", "", "Status bits of the fit".into(), Q::Status),
            new("spectrum", "a.u.", "Signal at b = 0 of each diffusivity, a volume each".into(), Q::Spectrum),
        ]);
        if let Some(spectrum) = all.last_mut() {
            spectrum.n_volumes = options.n_bins;
        }
        all
    }

    /// How it is stored.
    pub fn kind(&self) -> ColumnType {
        match self.quantity {
            SpectrumQuantity::Peaks | SpectrumQuantity::Iterations | SpectrumQuantity::Status => ColumnType::U16,
            _ => ColumnType::F32,
        }
    }
}
