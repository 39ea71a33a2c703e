//! Random numbers by counter: number `i` of a stream depends on the seed, the stream and `i` alone.
//!
//! So the noise of a voxel is the same on any machine, with any number of threads and in any order of work. The
//! generator is Philox4x32-10 (Salmon 2011, doi:10.1145/2063384.2063405); normal deviates come from [`super::normal`].

use super::normal::inverse_cdf;

/// A stream of random numbers, addressed by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rng {
    seed: u64,
    stream: u32,
}

impl Rng {
    /// Stream 0 of a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, stream: 0 }
    }

    /// Another stream of the same seed, independent of this one.
    #[must_use]
    pub fn stream(self, stream: u32) -> Self {
        Self { stream, ..self }
    }

    /// Two independent uniform deviates, strictly between 0 and 1.
    pub fn uniforms(self, index: u64) -> [f64; 2] {
        let [a, b, c, d] = self.words(index);
        [unit(a, b), unit(c, d)]
    }

    /// Two independent standard normal deviates.
    pub fn normals(self, index: u64) -> [f64; 2] {
        self.uniforms(index).map(inverse_cdf)
    }

    fn words(self, index: u64) -> [u32; 4] {
        let counter = [low(index), high(index), self.stream, 0];
        philox4x32_10(counter, [low(self.seed), high(self.seed)])
    }
}

/// The middle of one of 2^52 equal parts of (0, 1): exact in f64, never 0 or 1.
fn unit(high_word: u32, low_word: u32) -> f64 {
    let part = (u64::from(high_word) << 32 | u64::from(low_word)) >> 12;
    (part as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
}

fn low(x: u64) -> u32 {
    x as u32
}

fn high(x: u64) -> u32 {
    (x >> 32) as u32
}

fn philox4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let p = u64::from(counter[0]) * 0xD251_1F53;
        let q = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [high(q) ^ counter[1] ^ key[0], low(q), high(p) ^ counter[3] ^ key[1], low(p)];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published vectors of the generator: `tests/kat_vectors` of Random123, rows `philox4x32 10`.
    #[test]
    fn known_answers() {
        let ones = u32::MAX;
        let rows = [
            ([0; 4], [0; 2], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]),
            ([ones; 4], [ones; 2], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]),
            (
                [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
                [0xa4093822, 0x299f31d0],
                [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
            ),
        ];
        for (counter, key, expected) in rows {
            assert_eq!(philox4x32_10(counter, key), expected);
        }
    }

    #[test]
    fn one_bit_of_seed_stream_or_index_changes_every_word() {
        let rng = Rng::new(7);
        let others = [
            rng.words(1),
            rng.words(1 << 32),
            rng.stream(1).words(0),
            Rng::new(6).words(0),
            Rng::new(7 | 1 << 32).words(0),
        ];
        for other in others {
            assert!(rng.words(0).iter().zip(other).all(|(&a, b)| a != b));
        }
    }

    #[test]
    fn uniforms_stay_inside_the_open_interval() {
        assert_eq!(unit(0, 0), 0.5f64.powi(53));
        assert_eq!(unit(u32::MAX, u32::MAX), 1.0 - 0.5f64.powi(53));
    }

    /// Mean, variance, skewness and excess kurtosis, and the correlation of the two of a pair, each within 4 standard
    /// errors of n deviates.
    #[test]
    fn normals_have_the_moments_of_a_normal_distribution() {
        const N: u64 = 400_000;
        let rng = Rng::new(20_240_229);
        let [mut m1, mut m2, mut m3, mut m4, mut pair] = [0.0; 5];
        for [a, b] in (0..N).map(|i| rng.normals(i)) {
            for x in [a, b] {
                m1 += x;
                m2 += x * x;
                m3 += x.powi(3);
                m4 += x.powi(4);
            }
            pair += a * b;
        }
        let n = 2.0 * N as f64;
        let within = |sum: f64, expected: f64, variance: f64| (sum / n - expected).abs() < 4.0 * (variance / n).sqrt();
        assert!(within(m1, 0.0, 1.0), "mean {}", m1 / n);
        assert!(within(m2, 1.0, 2.0), "second moment {}", m2 / n);
        assert!(within(m3, 0.0, 15.0), "third moment {}", m3 / n);
        assert!(within(m4, 3.0, 96.0), "fourth moment {}", m4 / n);
        assert!(within(2.0 * pair, 0.0, 2.0), "covariance {}", 2.0 * pair / n);
        // The same comparison notices a variance that is wrong by 1 %.
        assert!(!within(m2 * 1.01, 1.0, 2.0));
    }
}
