//! The line with equal weights through all samples: sums over them whose factors are the b-values' alone.

/// Terms of a power series in the ADC: up to its fourth power.
pub(super) const TERMS: usize = 5;

/// A power series in the ADC, cut off.
type Series = [f64; TERMS];

fn product(a: Series, b: Series) -> Series {
    std::array::from_fn(|k| (0..=k).map(|i| a[i] * b[k - i]).sum())
}

/// 1/a
fn inverse(a: Series) -> Series {
    let mut inverse = [0.0; TERMS];
    inverse[0] = 1.0 / a[0];
    for k in 1..TERMS {
        inverse[k] = -(1..=k).map(|i| a[i] * inverse[k - i]).sum::<f64>() / a[0];
    }
    inverse
}

/// Σ(b − mean b)², and, of the line whose weights are exp(−`rate`·b·D), what the log-signals at b-values `b` count to its ADC:
/// the factors of D⁰, D¹ and so on, so that equal weights are D = 0.
pub(super) fn slopes(b: &[f64], rate: f64) -> (f64, [Vec<f64>; TERMS]) {
    let mean = b.iter().sum::<f64>() / b.len() as f64;
    let about_mean = b.iter().map(|b| b - mean);
    let weights: Vec<Series> = about_mean.clone().map(|db| weight(-rate * db)).collect();
    let moment = |power: i32| -> Series {
        let moments = about_mean.clone().map(|db| db.powi(power));
        std::array::from_fn(|k| moments.clone().zip(&weights).map(|(moment, weight)| moment * weight[k]).sum())
    };
    let [sum, first, second] = [moment(0), moment(1), moment(2)];
    let centre = product(first, inverse(sum));
    let lost = product(first, centre);
    let spread: Series = std::array::from_fn(|k| second[k] - lost[k]);
    let per_spread = inverse(spread);
    let factors = about_mean.zip(&weights).map(|(db, &weight)| {
        let from_centre = std::array::from_fn(|k| centre[k] - if k == 0 { db } else { 0.0 });
        product(product(weight, from_centre), per_spread)
    });
    let factors: Vec<Series> = factors.collect();
    (spread[0], std::array::from_fn(|k| factors.iter().map(|of| of[k]).collect()))
}

/// exp(`exponent`·D)
fn weight(exponent: f64) -> Series {
    let mut term = 1.0;
    std::array::from_fn(|k| {
        let this = term;
        term *= exponent / (k + 1) as f64;
        this
    })
}
