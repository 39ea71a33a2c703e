//! What a researcher wants to know of an image before using it.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Image;
use super::nifti::hash;
use crate::with_voxel_type;

/// A description of an image and its real (scaled) values.
#[derive(Debug, Clone, Serialize)]
pub struct Info {
    /// The file, as it was named.
    pub file: String,
    /// All dimensions, fastest first.
    pub shape: Vec<usize>,
    /// Type of the stored voxels, by the name that numpy uses.
    pub datatype: &'static str,
    /// Steps along each dimension: voxel sizes of the affine in mm, then what the file says of further dimensions.
    pub zooms: Vec<f64>,
    /// Voxel index → mm, RAS+.
    pub affine: [[f64; 4]; 4],
    /// Where i, j and k point, such as `RAS`.
    pub orientation: String,
    /// Smallest finite value; `None` if there is none.
    pub min: Option<f64>,
    /// Largest finite value.
    pub max: Option<f64>,
    /// Mean of the finite values.
    pub mean: Option<f64>,
    /// How many values are NaN or infinite.
    pub nonfinite: usize,
    /// sha256 of the values as little-endian float64, first dimension fastest; lower-case hex.
    pub voxels_sha256: String,
}

/// Describes an image.
pub fn info(image: &Image) -> Info {
    let mut zooms = image.grid.zooms().to_vec();
    zooms.extend(image.pixdim.iter().skip(3));
    zooms.resize(image.dims.len(), 1.0);
    let values = Tally::of(image);
    Info {
        file: image.path.display().to_string(),
        shape: image.dims.clone(),
        datatype: image.voxel_type.name(),
        zooms,
        affine: image.grid.affine,
        orientation: image.grid.orientation().iter().collect(),
        min: (values.n_finite > 0).then_some(values.min),
        max: (values.n_finite > 0).then_some(values.max),
        mean: (values.n_finite > 0).then_some(values.sum / values.n_finite as f64),
        nonfinite: values.n_nonfinite,
        voxels_sha256: hash::hex(&values.hasher.finalize()),
    }
}

/// What is gathered in one pass over the values.
struct Tally {
    min: f64,
    max: f64,
    sum: f64,
    n_finite: usize,
    n_nonfinite: usize,
    hasher: Sha256,
}

impl Tally {
    #[expect(clippy::unnecessary_cast, reason = "one text for all voxel types")]
    fn of(image: &Image) -> Self {
        /// Small enough for the cache, so that no float64 copy of the image is ever made.
        const CHUNK: usize = 1 << 14;
        let mut tally = Self {
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            sum: 0.0,
            n_finite: 0,
            n_nonfinite: 0,
            hasher: Sha256::new(),
        };
        let mut values = Vec::with_capacity(CHUNK);
        with_voxel_type!(image.voxel_type, T => {
            for stored in bytemuck::cast_slice::<u8, T>(image.bytes()).chunks(CHUNK) {
                values.clear();
                values.extend(stored.iter().map(|&v| image.scaling.apply(v as f64)));
                tally.add(&values);
            }
        });
        tally
    }

    fn add(&mut self, values: &[f64]) {
        // Summed by chunk: over millions of values the error stays that of a chunk.
        let mut sum = 0.0;
        let mut n_finite = 0;
        for &value in values.iter().filter(|value| value.is_finite()) {
            self.min = self.min.min(value);
            self.max = self.max.max(value);
            sum += value;
            n_finite += 1;
        }
        self.sum += sum;
        self.n_finite += n_finite;
        self.n_nonfinite += values.len() - n_finite;
        let bits: Vec<u64> = values.iter().map(|value| value.to_bits().to_le()).collect();
        self.hasher.update(bytemuck::cast_slice::<u64, u8>(&bits));
    }
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = |values: &[String]| values.join(" × ");
        let shape: Vec<_> = self.shape.iter().map(usize::to_string).collect();
        let zooms: Vec<_> = self.zooms.iter().map(|zoom| format!("{zoom:.4}")).collect();
        let value = |value: Option<f64>| value.map_or("none".into(), |value| format!("{value}"));
        writeln!(f, "{}", self.file)?;
        writeln!(f, "  shape        {}", times(&shape))?;
        writeln!(f, "  datatype     {}", self.datatype)?;
        writeln!(f, "  zooms        {}", times(&zooms))?;
        writeln!(f, "  orientation  {}", self.orientation)?;
        for (row, name) in self.affine[..3].iter().zip(["affine", "", ""]) {
            let [a, b, c, d] = row;
            writeln!(f, "  {name:<11} {a:11.5} {b:11.5} {c:11.5} {d:11.5}")?;
        }
        writeln!(f, "  min          {}", value(self.min))?;
        writeln!(f, "  max          {}", value(self.max))?;
        writeln!(f, "  mean         {}", value(self.mean))?;
        writeln!(f, "  non-finite   {}", self.nonfinite)?;
        write!(f, "  voxels       sha256 {}", self.voxels_sha256)
    }
}
