//! What a fit expects each sample of many voxels to be, on lanes.

use crate::lanes::{Element, LaneWork, Lanes, run_f64};
use crate::model::signal::eval::{CHUNK, Evaluator, SampleCode, WIDE};

/// `[sample][voxel]` from `[parameter][voxel]` in units of the code's scales, and the voxels' factors and σ likewise.
pub(super) fn predict(code: &SampleCode, parameters: &[Vec<f64>], factors: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let n_voxels = parameters.first().map_or(0, Vec::len);
    let mut out = vec![vec![0.0; n_voxels]; code.n_samples()];
    run_f64(Predict { code, parameters, factors, n_voxels, out: &mut out });
    out
}

struct Predict<'a> {
    code: &'a SampleCode,
    parameters: &'a [Vec<f64>],
    factors: &'a [Vec<f64>],
    n_voxels: usize,
    out: &'a mut [Vec<f64>],
}

impl LaneWork for Predict<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let mut evaluator = Evaluator::new(l, self.code);
        let mut parameters = [(); WIDE].map(|()| vec![l.splat(0.0); self.parameters.len()]);
        let mut factors = [(); WIDE].map(|()| vec![l.splat(1.0); self.factors.len()]);
        let n_samples = self.code.n_samples();
        for first in (0..self.n_voxels).step_by(WIDE * L::LANES) {
            let n = (WIDE * L::LANES).min(self.n_voxels - first);
            gather(l, self.parameters, first, n, &mut parameters);
            gather(l, self.factors, first, n, &mut factors);
            evaluator.set(parameters.each_ref().map(Vec::as_slice), factors.each_ref().map(Vec::as_slice));
            for sample in (0..n_samples).step_by(CHUNK) {
                let of_chunk = CHUNK.min(n_samples - sample);
                evaluator.run(sample, of_chunk);
                let (signals, factor) = evaluator.signal();
                let factor = factor.unwrap_or([l.splat(1.0); WIDE]);
                for (k, row) in self.out[sample..sample + of_chunk].iter_mut().enumerate() {
                    for (lane, to) in row[first..first + n].iter_mut().enumerate() {
                        let w = lane / L::LANES;
                        *to = l.lane(&l.mul(signals[k][w], factor[w]), lane % L::LANES).to_f64();
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn gather<L: Lanes>(l: L, rows: &[Vec<f64>], first: usize, n: usize, to: &mut [Vec<L::V>; WIDE]) {
    for (i, row) in rows.iter().enumerate() {
        for (lane, &value) in row[first..first + n].iter().enumerate() {
            l.set_lane(&mut to[lane / L::LANES][i], lane % L::LANES, L::T::of(value));
        }
    }
}
