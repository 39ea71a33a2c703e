//! The signals of the IVIM community's reference, and what independent programs made of them.

use std::path::Path;

use libtest_mimic::Failed;

/// b-values of the reference, s/mm².
pub const B: [f64; 18] =
    [0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 50.0, 75.0, 100.0, 150.0, 250.0, 350.0, 400.0, 550.0, 700.0, 850.0, 1000.0];
const N_CELLS: usize = 35;
const N_FITS: usize = 300;

pub struct Reference {
    /// `[cell][fit][b]`
    signals: Vec<f64>,
    expected: String,
}

impl Reference {
    pub fn read(data: &Path) -> Result<Self, Failed> {
        let folder = data.join("../reference/osipi_ivim");
        let bytes = std::fs::read(folder.join("signals_f64le.bin"))?;
        let signals = bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
        let expected = std::fs::read_to_string(folder.join("expected.csv"))?;
        Ok(Self { signals, expected })
    }

    /// Signals of each voxel, over its first.
    pub fn scaled(&self) -> Vec<Vec<f64>> {
        assert_eq!(self.signals.len(), N_CELLS * N_FITS * B.len());
        self.signals.chunks_exact(B.len()).map(|s| s.iter().map(|x| x / s[0]).collect()).collect()
    }

    /// Signals of each voxel.
    pub fn plain(&self) -> Vec<Vec<f64>> {
        self.signals.chunks_exact(B.len()).map(<[f64]>::to_vec).collect()
    }

    /// Relative differences of a cell's mean and standard deviation from those of a method.
    pub fn differences(&self, method: &str, parameter: &str, cell: usize, values: &[f64]) -> Result<[f64; 2], Failed> {
        let (mean, sd) = mean_and_sd(values);
        let difference = |got: f64, what: &str| -> Result<f64, Failed> {
            Ok((got / self.expected(&format!("{method}_{parameter}_{what}"))?[cell] - 1.0).abs())
        };
        Ok([difference(mean, "mean")?, difference(sd, "sd")?])
    }

    fn expected(&self, column: &str) -> Result<Vec<f64>, Failed> {
        let mut lines = self.expected.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let head = lines.next().unwrap_or_default();
        let at = head.iter().position(|name| *name == column).ok_or("no such column")?;
        Ok(lines.map(|line| line[at].parse()).collect::<Result<_, _>>()?)
    }

    /// The cells whose mean or standard deviation lies further from the segmented ones than a tolerance, relative.
    pub fn cells_beyond(&self, parameter: &str, values: &[f64], tolerance: f64) -> Result<Vec<usize>, Failed> {
        let mut beyond = Vec::new();
        for (cell, values) in values.chunks_exact(N_FITS).enumerate() {
            let [mean, sd] = self.differences("segmented", parameter, cell, values)?;
            if !(mean <= tolerance && sd <= tolerance) {
                beyond.push(cell);
            }
        }
        Ok(beyond)
    }

    /// Largest relative difference of the cells' means and standard deviations.
    pub fn worst(&self, parameter: &str, values: &[f64]) -> Result<f64, Failed> {
        let (means, sds) = values.chunks_exact(N_FITS).map(mean_and_sd).unzip::<f64, f64, Vec<_>, Vec<_>>();
        let mut worst = 0.0;
        for (what, got) in [("mean", means), ("sd", sds)] {
            let want = self.expected(&format!("segmented_{parameter}_{what}"))?;
            assert_eq!((got.len(), want.len()), (N_CELLS, N_CELLS));
            worst = got.iter().zip(want).map(|(got, want)| (got / want - 1.0).abs()).fold(worst, f64::max);
        }
        Ok(worst)
    }
}

fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
}
