//! Noise on simulated signals.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Rng;

/// How a receiver's noise appears in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Noise {
    /// None.
    None,
    /// S = A + σn: the real part of an image, or an approximation where A is much larger than σ.
    Gaussian,
    /// S = √((A + σn₁)² + (σn₂)²): the magnitude of one coil's complex image (Gudbjartsson 1995,
    /// doi:10.1002/mrm.1910340618). E\[S²\] = A² + 2σ².
    Rician,
}

/// Adds noise of standard deviation `sigma` (in units of the signal, of the complex channels for Rician noise) to each
/// sample. Sample `i` gets the deviates of index `i` of the seed's stream 0, whatever the threads.
pub fn add_noise(signal: &mut [f32], sigma: f32, noise: Noise, seed: u64) {
    add_noise_from(Rng::new(seed), signal, sigma, noise);
}

/// The same with the deviates of a given stream. A series of volumes passed as one slice gives voxel v of volume k the
/// index k·n + v, where n is the number of voxels of a volume.
pub fn add_noise_from(rng: Rng, signal: &mut [f32], sigma: f32, noise: Noise) {
    let sigma = f64::from(sigma);
    let noisy = |a: f64, [n1, n2]: [f64; 2]| match noise {
        Noise::None => a,
        Noise::Gaussian => a + sigma * n1,
        Noise::Rician => {
            let (re, im) = (a + sigma * n1, sigma * n2);
            (re * re + im * im).sqrt()
        }
    };
    if noise == Noise::None {
        return;
    }
    signal.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, samples)| {
        for (i, sample) in samples.iter_mut().enumerate() {
            let index = (chunk * CHUNK + i) as u64;
            *sample = noisy(f64::from(*sample), rng.normals(index)) as f32;
        }
    });
}

/// Samples that a thread takes at once.
const CHUNK: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const N: usize = 200_000;

    fn samples(a: f32, sigma: f32, noise: Noise) -> Vec<f64> {
        let mut signal = vec![a; N];
        add_noise(&mut signal, sigma, noise, 11);
        signal.into_iter().map(f64::from).collect()
    }

    fn mean(x: impl Iterator<Item = f64>) -> f64 {
        x.sum::<f64>() / N as f64
    }

    /// E[S²] = A² + 2σ² and var S² = 4σ²(A² + σ²), from the moments of the non-central χ² with two degrees of freedom.
    #[test]
    fn rician_noise_has_the_second_moment_of_its_distribution() {
        for (a, sigma) in [(0.0, 3.0), (5.0, 3.0), (200.0, 10.0)] {
            let s = samples(a as f32, sigma as f32, Noise::Rician);
            let standard_error = 2.0 * sigma * ((a * a + sigma * sigma) / N as f64).sqrt();
            let z = |expected: f64| (mean(s.iter().map(|s| s * s)) - expected) / standard_error;
            assert!(z(a * a + 2.0 * sigma * sigma).abs() < 4.0, "A = {a}");
            if a < sigma * 10.0 {
                // Noise on one channel alone would be noticed.
                assert!(z(a * a + sigma * sigma).abs() > 4.0, "A = {a}");
            }
        }
    }

    /// Mean √(π/2)·σ where there is no signal: Rayleigh.
    #[test]
    fn rician_noise_without_signal_is_rayleigh() {
        let s = samples(0.0, 2.0, Noise::Rician);
        let expected = 2.0 * (std::f64::consts::FRAC_PI_2).sqrt();
        let standard_error = 2.0 * ((2.0 - std::f64::consts::FRAC_PI_2) / N as f64).sqrt();
        assert!((mean(s.into_iter()) - expected).abs() < 4.0 * standard_error);
    }

    #[test]
    fn gaussian_noise_keeps_the_mean_and_has_sigma() {
        let s = samples(-4.0, 1.5, Noise::Gaussian);
        let m = mean(s.iter().copied());
        let variance = mean(s.iter().map(|s| (s - m).powi(2)));
        assert!((m + 4.0).abs() < 4.0 * 1.5 / (N as f64).sqrt());
        assert!((variance / 2.25 - 1.0).abs() < 4.0 * (2.0 / N as f64).sqrt());
        assert!((variance / (1.02 * 2.25) - 1.0).abs() > 4.0 * (2.0 / N as f64).sqrt());
    }

    #[test]
    fn the_part_of_a_series_that_is_made_does_not_matter() {
        let make = |n: usize| {
            let mut signal = vec![7.0; n];
            add_noise(&mut signal, 1.0, Noise::Rician, 3);
            signal
        };
        let long = make(3 * CHUNK + 5);
        assert_eq!(make(CHUNK + 1), long[..CHUNK + 1]);
        assert_ne!(long[..CHUNK], long[CHUNK..2 * CHUNK]);
    }

    #[test]
    fn no_noise_changes_nothing() {
        assert!(samples(3.25, 9.0, Noise::None).iter().all(|&s| s == 3.25));
    }
}
