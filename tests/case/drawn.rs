//! Distributions of what one voxel of a region gives, drawn from truth with noise, and how far statistics of a region's
//! voxels lie from theirs.
//!
//! Quantiles are compared by rank, which takes no density: the place of the statistic in the drawn distribution against
//! that which order statistics of n uniform deviates have, a beta distribution (David and Nagaraja 2003, Order Statistics,
//! section 2.3). Of two neighbours between which a quantile is interpolated, the ranks are taken for one in between.
//! The variance of a variance is that of its fourth moment, (m4 - m2^2 (n - 3)/(n - 1))/n.

/// Values of independent voxels, in order.
pub struct Drawn(Vec<f64>);

impl Drawn {
    /// Of those that are finite, as tables have it.
    pub fn new(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(f64::total_cmp);
        Self(values)
    }

    /// How many there are.
    pub fn n(&self) -> usize {
        self.0.len()
    }

    /// The share of values below, and up to.
    fn place(&self, value: f64, tolerance: f64) -> [f64; 2] {
        let below = self.0.partition_point(|&of| of < value - tolerance);
        let up_to = self.0.partition_point(|&of| of <= value + tolerance);
        [below, up_to].map(|n| n as f64 / self.0.len() as f64)
    }

    /// Standard errors between the quantile `p` of `n` voxels and this distribution's. All voxels share a `shift` of that standard
    /// error, from a reference region; its 3 come on top, since stored numbers are whole: over a reference that is a little
    /// off, the same number is another value, and quadrature of ranks would count all voxels that hold it.
    pub fn z_of_quantile(&self, p: f64, n: f64, value: f64, shift: f64) -> f64 {
        let centre = ((n - 1.0) * p + 1.0) / (n + 1.0);
        let drawn = self.0.len() as f64;
        let variance = centre * (1.0 - centre) * (1.0 / (n + 2.0) + 1.0 / drawn);
        let scale = self.0[self.0.len() * 3 / 4] - self.0[self.0.len() / 4];
        // Maps are computed in 32 bits.
        let [below, up_to] = self.place(value, (1e-5 * value.abs().max(scale)).max(3.0 * shift));
        (centre.clamp(below, up_to) - centre).abs() / variance.sqrt()
    }

    /// Standard errors between the variance of `n` voxels and this distribution's.
    pub fn z_of_variance(&self, n: f64, variance: f64) -> f64 {
        let drawn = self.0.len() as f64;
        let mean = self.0.iter().sum::<f64>() / drawn;
        let moment = |power: i32| self.0.iter().map(|value| (value - mean).powi(power)).sum::<f64>() / drawn;
        let (m2, m4) = (moment(2), moment(4));
        if (variance - m2).abs() <= 1e-9 * mean * mean {
            return 0.0;
        }
        let of_variance = |n: f64| (m4 - m2 * m2 * (n - 3.0) / (n - 1.0)) / n;
        (variance - m2).abs() / (of_variance(n) + of_variance(drawn)).sqrt()
    }
}

/// The comparisons' own test: of samples drawn anew, 3 standard errors are exceeded about as often as by a Gaussian, and
/// nearly always by samples that are a fifth wider or moved by a fifth of their sd.
pub fn judges_as_it_should() {
    use hepar::simulate::Rng;
    let normal = |seed: u64, i: u64| Rng::new(seed).normals(i)[0];
    let drawn = Drawn::new((0..20_000).map(|i| normal(1, i)));
    let (mut beyond, mut noticed, mut all) = (0, 0, 0);
    for sample in 0..100u64 {
        let of = |width: f64, move_by: f64| {
            let mut values: Vec<f64> = (0..1001).map(|i| width * normal(2 + sample, i) + move_by).collect();
            values.sort_unstable_by(f64::total_cmp);
            let mean = values.iter().sum::<f64>() / 1001.0;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 1000.0;
            let quantiles = [0.05, 0.25, 0.5, 0.75, 0.95].map(|p| drawn.z_of_quantile(p, 1001.0, values[(1000.0 * p) as usize], 0.0));
            (quantiles, drawn.z_of_variance(1001.0, variance))
        };
        let (quantiles, variance) = of(1.0, 0.0);
        beyond += quantiles.iter().chain([&variance]).filter(|&&z| z > 3.0).count();
        let ((wide, wide_variance), (moved, _)) = (of(1.2, 0.0), of(1.0, 0.2));
        let far = [wide[0], wide[4], wide_variance, moved[1], moved[2], moved[3]];
        noticed += far.iter().filter(|&&z| z > 3.0).count();
        all += far.len();
    }
    assert!(beyond <= 8, "{beyond} of 600 are beyond 3 standard errors");
    assert!(noticed * 10 > all * 9, "{noticed} of {all} are noticed");
}
