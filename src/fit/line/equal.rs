//! The line with equal weights through all samples: sums over them whose factors are the b-values' alone.

use std::f64::consts::LN_2;

/// Σ(b − mean b)², and what the log-signals at b-values `b` count to the ADC of equal weights and to its first and second
/// derivative by the ADC of the weights; `b` is that of `LogSignals`.
pub(super) fn slopes(b: &[f64]) -> (f64, [Vec<f64>; 3]) {
    let n = b.len() as f64;
    let mean = b.iter().sum::<f64>() / n;
    let power = |k: i32| -> Vec<f64> { b.iter().map(|b| (b - mean).powi(k)).collect() };
    let [db, bb, bbb] = [power(1), power(2), power(3)];
    let sum = |of: &[f64]| of.iter().sum::<f64>();
    let (spread, cubes, fourths) = (sum(&bb), sum(&bbb), sum(&power(4)));
    // As in `Line`: the derivative of a weight is −rate·b times itself.
    let rate = 2.0 * LN_2;
    let adc: Vec<f64> = db.iter().map(|db| -db / spread).collect();
    let first: Vec<f64> =
        (bb.iter().zip(&adc)).map(|(bb, adc)| rate * (bb - spread / n + adc * cubes) / spread).collect();
    let second = (bbb.iter().zip(&adc).zip(&first))
        .map(|((bbb, adc), first)| rate * (2.0 * first * cubes - rate * (bbb - cubes / n + adc * fourths)) / spread)
        .collect();
    (spread, [adc, first, second])
}
