//! The noise of one magnitude image: σ of the Gaussian noise in each of its two channels.
//!
//! Best known from two images of the same thing, or from elsewhere; the background gives it only where the image was
//! made by one receive channel, neither filtered nor masked. Parallel imaging spreads noise unevenly, so that the
//! background then tells nothing of the noise in the liver.

use serde::Serialize;

use crate::model::signal::NoiseModel;
use crate::volume::Grid;

/// σ and where it comes from, as recorded beside every map that uses it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Noise {
    /// Standard deviation of the noise in one image, in image units.
    pub sigma: f64,
    /// How it was found, and its limits.
    pub method: &'static str,
    /// Voxels it was found from, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_voxels: Option<usize>,
    /// sha256 of the repeated image, if it was a file of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat_sha256: Option<String>,
}

/// Part of each in-plane edge that a corner takes.
const CORNER: f64 = 0.1;
/// Fewest voxels that σ is found from: it is then known to about 5 %.
pub const MIN_VOXELS: usize = 100;
/// Most zeros of a corner. More means that the scanner cut the background off.
const MAX_ZEROS: f64 = 0.05;
/// mean / sd of a Rayleigh distribution, √(π/(4 − π)).
const RAYLEIGH_MEAN_PER_SD: f64 = 1.913_065;
/// Largest relative departure from it: sums over coils lie above, ghosts below.
const RAYLEIGH_WITHIN: f64 = 0.15;
/// Signal over σ above which magnitude noise is Gaussian (Gudbjartsson 1995, doi:10.1002/mrm.1910340618, asks for 3).
pub const GAUSSIAN_ABOVE: f64 = 5.0;
/// Rounds in which σ and the voxels that are bright enough settle.
pub const ROUNDS: usize = 5;

impl Noise {
    /// A value from elsewhere.
    pub fn given(sigma: f64) -> Result<Self, String> {
        if sigma.is_finite() && sigma > 0.0 {
            Ok(Self { sigma, method: "given", n_voxels: None, repeat_sha256: None })
        } else {
            Err(format!("a noise of {sigma} was given; it must be above 0"))
        }
    }

    /// From the air around the body: the darkest of the four in-plane corners, over all slices.
    ///
    /// Air is Rayleigh-distributed there, with median σ·√(2·ln 2) (Gudbjartsson 1995, doi:10.1002/mrm.1910340618).
    /// `values` is one volume. Refused where a corner is too small, cut off to 0, or not Rayleigh-distributed.
    pub fn from_background(grid: &Grid, values: &[f32]) -> Result<Self, String> {
        let mut corner =
            corners(grid, values).into_iter().min_by(|a, b| mean(a).total_cmp(&mean(b))).unwrap_or_default();
        let n = corner.len();
        if n < MIN_VOXELS {
            return Err(format!("the corners of the image have {n} voxels, fewer than {MIN_VOXELS}"));
        }
        let zeros = corner.iter().filter(|&&s| s <= 0.0).count() as f64 / n as f64;
        if zeros > MAX_ZEROS {
            return Err(format!(
                "{:.0} % of the background is 0 or below, more than {:.0} %: the scanner has cut it off",
                100.0 * zeros,
                100.0 * MAX_ZEROS
            ));
        }
        let ratio = mean(&corner) / standard_deviation(&corner);
        let as_expected = 1.0 - RAYLEIGH_WITHIN..=1.0 + RAYLEIGH_WITHIN;
        if !as_expected.contains(&(ratio / RAYLEIGH_MEAN_PER_SD)) {
            return Err(format!(
                "the background has mean/sd {ratio:.2}; noise of one receive channel has {RAYLEIGH_MEAN_PER_SD:.2}"
            ));
        }
        Ok(Self {
            sigma: median(&mut corner) / (2.0 * std::f64::consts::LN_2).sqrt(),
            method: "background: median of the darkest in-plane corner / sqrt(2 ln 2); wrong under parallel imaging and of \
                     filtered images",
            n_voxels: Some(n),
            repeat_sha256: None,
        })
    }

    /// From two images of the same thing, whose difference has sd σ√2 where the signal is above 5σ.
    pub fn from_repeats(a: &[f32], b: &[f32]) -> Result<Self, String> {
        let pairs: Vec<[f32; 2]> = a.iter().zip(b).map(|(&a, &b)| [a, b]).collect();
        let method = "repeats: sd of the difference of two images / sqrt(2) where the signal is above 5 sigma; motion \
                      between them adds to it";
        Self::from_pairs(&pairs, NoiseModel::Gaussian, method)
    }

    /// From pairs of samples of the same thing, whose differences have sd σ√2 where the signal is above 5σ. What lies
    /// beyond three of these sds, such as motion, does not count. The sd of a magnitude is a little less than σ, which is
    /// made good under Rician noise.
    pub fn from_pairs(pairs: &[[f32; 2]], noise: NoiseModel, method: &'static str) -> Result<Self, String> {
        let pairs: Vec<(f64, f64)> = pairs
            .iter()
            .map(|&[a, b]| (f64::from(a - b), f64::from(a + b) / 2.0))
            .filter(|(difference, _)| difference.is_finite())
            .collect();
        let mut sigma = 0.0;
        let mut used = Vec::new();
        // The first rounds include air, whose sd is smaller; later ones change little.
        for _ in 0..ROUNDS {
            let bright = pairs.iter().filter(|(_, signal)| *signal > GAUSSIAN_ABOVE * sigma);
            let per_sd = |signal: f64| if sigma > 0.0 { 1.0 / relative_sd(noise, signal / sigma) } else { 1.0 };
            used = bright.map(|&(difference, signal)| difference * per_sd(signal)).collect();
            sigma = clipped_sd(&mut used) / std::f64::consts::SQRT_2;
        }
        if used.len() < MIN_VOXELS || sigma <= 0.0 || sigma.is_nan() {
            return Err(format!(
                "{} voxels are above {GAUSSIAN_ABOVE} times the noise in both images, and differ by {sigma}",
                used.len()
            ));
        }
        Ok(Self { sigma, method, n_voxels: Some(used.len()), repeat_sha256: None })
    }

    /// Least enhancement that stands out of the noise of two images: 3σ√2.
    pub fn enhancement_threshold(&self) -> f64 {
        3.0 * self.sigma * std::f64::consts::SQRT_2
    }
}

/// The finite values of the four in-plane corners, each over all slices.
fn corners(grid: &Grid, values: &[f32]) -> [Vec<f64>; 4] {
    let [ni, nj, _] = grid.shape;
    let edge = |n: usize| ((n as f64 * CORNER).round() as usize).max(1);
    let (ei, ej) = (edge(ni), edge(nj));
    let mut corners: [Vec<f64>; 4] = Default::default();
    for (v, &value) in values.iter().enumerate() {
        let (i, j) = (v % ni, v / ni % nj);
        let (left, right, near, far) = (i < ei, i + ei >= ni, j < ej, j + ej >= nj);
        if value.is_finite() && (left || right) && (near || far) {
            corners[usize::from(right) + 2 * usize::from(far)].push(f64::from(value));
        }
    }
    corners
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn standard_deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (squares / (values.len() as f64 - 1.0)).sqrt()
}

/// sd of a sample over σ, where its mean is `snr` times σ, above [`GAUSSIAN_ABOVE`]: of a magnitude, √(1 − σ²/2A²) to
/// 1e-3, with A² = mean² − σ² (from the moments in Gudbjartsson 1995, doi:10.1002/mrm.1910340618).
pub fn relative_sd(noise: NoiseModel, snr: f64) -> f64 {
    match noise {
        NoiseModel::Gaussian => 1.0,
        NoiseModel::Rician => (1.0 - 0.5 / (snr * snr - 1.0)).sqrt(),
    }
}

/// sd / median absolute deviation of a Gaussian.
pub const SD_PER_MAD: f64 = 1.482_602_218_505_602;
/// What is further from the centre than so many sds does not count...
const CLIP: f64 = 3.0;
/// ... and the variance of what is left of a Gaussian: 1 − 2kφ(k)/(2Φ(k) − 1) for k = 3.
const CLIPPED_VARIANCE: f64 = 0.973_338_7;

/// The sd of a Gaussian that outliers are mixed with: from the median absolute deviation, which steps of integers would
/// show in, on to the sd of what lies within three of it.
fn clipped_sd(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let centre = median(values);
    let mut deviations: Vec<f64> = values.iter().map(|x| (x - centre).abs()).collect();
    let start = SD_PER_MAD * median(&mut deviations);
    let mut sd = if start > 0.0 { start } else { standard_deviation(values) };
    for _ in 0..10 {
        let within = deviations.iter().filter(|&&d| d <= CLIP * sd);
        let (n, squares) = within.fold((0.0, 0.0), |(n, sum), d| (n + 1.0, sum + d * d));
        sd = (squares / n / CLIPPED_VARIANCE).sqrt();
    }
    sd
}

/// Of any number of values but none.
pub fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let mut affine = [[0.0; 4]; 4];
        (0..4).for_each(|i| affine[i][i] = 1.0);
        Grid { shape: [60, 50, 20], affine }
    }

    /// Uniform numbers in (0, 1): a 64-bit linear congruence (Knuth's MMIX constants).
    struct Uniform(u64);

    impl Uniform {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
        }

        /// Magnitude of a signal with Gaussian noise of sd σ in both channels.
        fn magnitude(&mut self, signal: f64, sigma: f64) -> f32 {
            let (r, phi) = ((-2.0 * self.next().ln()).sqrt(), std::f64::consts::TAU * self.next());
            (signal + sigma * r * phi.cos()).hypot(sigma * r * phi.sin()) as f32
        }
    }

    /// A bright ellipse in air.
    fn body(sigma: f64, seed: u64) -> Vec<f32> {
        let mut noise = Uniform(seed);
        let signal = |v: usize| {
            let (x, y) = ((v % 60) as f64 / 30.0 - 1.0, (v / 60 % 50) as f64 / 25.0 - 1.0);
            if x * x + y * y < 0.8 { 300.0 } else { 0.0 }
        };
        (0..60 * 50 * 20).map(|v| noise.magnitude(signal(v), sigma)).collect()
    }

    #[test]
    fn both_methods_find_the_noise() {
        for sigma in [2.0, 11.0] {
            let (a, b) = (body(sigma, 1), body(sigma, 2));
            // 600 voxels of air: the standard error of σ is about 2.5 %.
            let background = Noise::from_background(&grid(), &a).unwrap();
            assert!((background.sigma / sigma - 1.0).abs() < 0.1, "{background:?}");
            assert_eq!(background.n_voxels, Some(600));
            // Some 37,000 voxels of body: 0.4 %.
            let repeats = Noise::from_repeats(&a, &b).unwrap();
            assert!((repeats.sigma / sigma - 1.0).abs() < 0.02, "{repeats:?}");
            let twice: Vec<f32> = b.iter().map(|x| 2.0 * x).collect();
            let off = Noise::from_repeats(&a, &twice).unwrap();
            assert!((off.sigma / sigma - 1.0).abs() > 0.02, "images that differ must be noticed");
        }
    }

    #[test]
    fn a_background_that_is_no_noise_is_refused() {
        let clean = body(5.0, 3);
        let cut_off: Vec<f32> = clean.iter().map(|&x| if x < 5.0 { 0.0 } else { x }).collect();
        let offset: Vec<f32> = clean.iter().map(|x| x + 20.0).collect();
        let says = |values: &[f32]| Noise::from_background(&grid(), values).unwrap_err();
        assert!(says(&cut_off).contains("cut it off"));
        assert!(says(&offset).contains("mean/sd"));
        assert!(says(&vec![7.0; clean.len()]).contains("mean/sd"));
        let small = Grid { shape: [10, 10, 1], ..grid() };
        assert!(Noise::from_background(&small, &clean[..100]).unwrap_err().contains("fewer than"));
    }

    #[test]
    fn a_value_must_be_positive() {
        assert_eq!(Noise::given(2.0).unwrap().enhancement_threshold(), 6.0 * std::f64::consts::SQRT_2);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Noise::given(bad).is_err());
        }
    }

    #[test]
    fn equal_images_have_no_noise() {
        let a = body(5.0, 4);
        assert!(Noise::from_repeats(&a, &a).is_err());
    }
}
