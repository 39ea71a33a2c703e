//! What fits to one voxel of the phantom's series give over noise: sequences and estimators written out here, from the
//! numbers of `data/phantom/liver.toml`.

use hepar::simulate::Rng;

use super::drawn::Drawn;

const SPEC: &str = include_str!("../../data/phantom/liver.toml");
const SIGMA: f64 = 10.0;
/// Draws of the noise.
const DRAWS: u64 = 20_000;

/// A tissue's numbers.
struct Tissue {
    t1_ms: f64,
    t2_ms: f64,
    adc_mm2_per_s: f64,
    r2star_per_s: f64,
    /// Signal of water, and of both.
    water: f64,
    both: f64,
    fat_fraction: f64,
    left_by_flow: f64,
}

impl Tissue {
    fn named(name: &str) -> Option<Self> {
        let spec: toml::Table = SPEC.parse().expect("the phantom is TOML");
        let tissue = spec["tissue"].as_array()?.iter().find(|tissue| tissue["name"].as_str() == Some(name))?;
        let number = |key: &str| tissue.get(key).map(|of| of["value"].as_float().expect("a number"));
        let (water, fat_fraction) = (number("proton_density")?, number("fat_fraction")?);
        Some(Self {
            t1_ms: number("t1_ms")?,
            t2_ms: number("t2_ms")?,
            adc_mm2_per_s: number("adc_mm2_per_s")?,
            r2star_per_s: number("r2star_per_s")?,
            water,
            both: water / (1.0 - fat_fraction),
            fat_fraction,
            left_by_flow: number("diffusion_fraction").unwrap_or(1.0),
        })
    }
}

/// Spoiled gradient echoes of magnetisation 1.
fn spoiled(tr_ms: f64, flip_deg: f64, t1_ms: f64) -> f64 {
    let (e1, angle) = ((-tr_ms / t1_ms).exp(), flip_deg.to_radians());
    angle.sin() * (1.0 - e1) / (1.0 - e1 * angle.cos())
}

/// From where volumes lie, their signals and truth, where searches start, to scale and the other.
type Fit = fn(&[f64], &[f64], [f64; 2]) -> [f64; 2];

/// The maps of a part, with the two values that describe a voxel's decay or recovery: a scale and a rate or time.
struct Series {
    /// The map of the scale, which is S0, and that of the other.
    maps: [&'static str; 2],
    /// Where the volumes lie: b in s/mm², TE in ms, or flip angle in degrees.
    at: &'static [f64],
    /// Signal of liver in the first volume, in units of the noise.
    snr: f64,
    /// Scale and the other for a tissue, before the gain.
    truth: fn(&Tissue) -> [f64; 2],
    signal: fn(f64, [f64; 2]) -> f64,
    fit: Fit,
}

const TR_T1_MS: f64 = 4.0;

fn series(part: &str) -> Option<Series> {
    Some(match part {
        "dwi/adc" => Series {
            maps: ["S0", "ADC"],
            at: &[50.0, 200.0, 500.0, 750.0],
            snr: 50.0,
            truth: |of| [of.left_by_flow * of.water * (-60.0 / of.t2_ms).exp(), of.adc_mm2_per_s],
            signal: |b, [s0, adc]| s0 * (-b * adc).exp(),
            fit: |b, s, _| reweighted_line(b, s),
        },
        "t2/t2" => Series {
            maps: ["S0", "T2"],
            at: &[40.0, 120.0],
            snr: 400.0,
            truth: |of| [of.water, of.t2_ms],
            signal: |te, [s0, t2]| s0 * (-te / t2).exp(),
            fit: |te, s, _| {
                let t2 = (te[1] - te[0]) / (s[0] / s[1]).ln();
                [s[0] * (te[0] / t2).exp(), t2]
            },
        },
        "t2star/t2star" => Series {
            maps: ["S0", "R2star"],
            at: &[2.3, 4.6, 6.9, 9.2, 11.5, 13.8],
            snr: 100.0,
            truth: |of| [of.both * spoiled(120.0, 25.0, of.t1_ms), of.r2star_per_s],
            signal: |te, [s0, rate]| s0 * (-te * rate / 1000.0).exp(),
            fit: |te, s, truth| {
                least_squares(te, s, truth, |te, [s0, rate]| {
                    let decay = (-te * rate / 1000.0).exp();
                    [decay, -te / 1000.0 * s0 * decay]
                }, |te, [s0, rate]| s0 * (-te * rate / 1000.0).exp())
            },
        },
        "t1/t1_vfa" => Series {
            maps: ["S0", "T1"],
            at: &[2.0, 5.0, 10.0, 15.0, 20.0],
            snr: 100.0,
            truth: |of| [of.water, of.t1_ms],
            signal: |flip, [m0, t1]| m0 * spoiled(TR_T1_MS, flip, t1),
            fit: |flip, s, [m0, t1]| {
                // In E1, which the best T1 is a function of.
                let signal = |flip: f64, [m0, e1]: [f64; 2]| {
                    let angle = flip.to_radians();
                    m0 * angle.sin() * (1.0 - e1) / (1.0 - e1 * angle.cos())
                };
                let slopes = |flip: f64, at: [f64; 2]| {
                    let angle = flip.to_radians();
                    [signal(flip, [1.0, at[1]]), at[0] * angle.sin() * (angle.cos() - 1.0) / (1.0 - at[1] * angle.cos()).powi(2)]
                };
                let [m0, e1] = least_squares(flip, s, [m0, (-TR_T1_MS / t1).exp()], slopes, signal);
                [m0, -TR_T1_MS / e1.ln()]
            },
        },
        _ => return None,
    })
}

/// ln S0 and the ADC of a line through log-signals, weighted by the squares of the signals that it predicts.
fn reweighted_line(b: &[f64], s: &[f64]) -> [f64; 2] {
    let mut found = [0.0; 2];
    for _ in 0..30 {
        let [mut w, mut wb, mut wbb, mut wl, mut wbl] = [0.0; 5];
        for (&b, &s) in b.iter().zip(s) {
            let (weight, log) = ((-2.0 * b * found[1]).exp(), s.ln());
            w += weight;
            wb += weight * b;
            wbb += weight * b * b;
            wl += weight * log;
            wbl += weight * b * log;
        }
        let adc = (wb * wl - w * wbl) / (w * wbb - wb * wb);
        found = [((wl + adc * wb) / w).exp(), adc];
    }
    found
}

/// Gauss and Newton's method for two parameters, from truth.
fn least_squares(
    at: &[f64],
    s: &[f64],
    start: [f64; 2],
    slopes: impl Fn(f64, [f64; 2]) -> [f64; 2],
    signal: impl Fn(f64, [f64; 2]) -> f64,
) -> [f64; 2] {
    let mut found = start;
    for _ in 0..12 {
        let [mut aa, mut ab, mut bb, mut ar, mut br] = [0.0; 5];
        for (&at, &s) in at.iter().zip(s) {
            let ([a, b], rest) = (slopes(at, found), s - signal(at, found));
            aa += a * a;
            ab += a * b;
            bb += b * b;
            ar += a * rest;
            br += b * rest;
        }
        let determinant = aa * bb - ab * ab;
        found = [found[0] + (bb * ar - ab * br) / determinant, found[1] + (aa * br - ab * ar) / determinant];
    }
    found
}

/// What a voxel of a region can give: values of the map in draws of the noise. `None` for parts and maps that are not here.
pub fn draws(part: &str, map: &str, region: &str) -> Option<Vec<f64>> {
    let tissue = Tissue::named(region)?;
    if (part, map) == ("chemical_shift", "signal_fat_fraction") {
        return fat_fraction(&tissue);
    }
    let series = series(part)?;
    let which = series.maps.iter().position(|of| *of == map)?;
    let (truth, gain) = truth(&series, &tissue)?;
    let truth = [gain * truth[0], truth[1]];
    let rng = Rng::new(197);
    let draw = |draw: u64| {
        let noisy = |(volume, &at): (u32, &f64)| magnitude((series.signal)(at, truth), rng.stream(volume).normals(draw));
        let signals: Vec<f64> = (0..).zip(series.at).map(noisy).collect();
        (series.fit)(series.at, &signals, truth)[which]
    };
    Some((0..DRAWS).map(draw).collect())
}

/// A magnitude as it is stored.
fn magnitude(signal: f64, [a, b]: [f64; 2]) -> f64 {
    (signal + SIGMA * a).hypot(SIGMA * b).round()
}

/// Scale and the other before the gain, and the gain.
fn truth(series: &Series, tissue: &Tissue) -> Option<([f64; 2], f64)> {
    let liver = (series.signal)(series.at[0], (series.truth)(&Tissue::named("liver")?));
    Some(((series.truth)(tissue), series.snr * SIGMA / liver))
}

/// S0 of a part in a region.
pub fn s0(part: &str, region: &str) -> Option<f64> {
    let (truth, gain) = truth(&series(part)?, &Tissue::named(region)?)?;
    Some(gain * truth[0])
}

/// 100 (IP - OP)/(2 IP) of gradient echoes of 60° at TR 150 ms.
fn fat_fraction(tissue: &Tissue) -> Option<Vec<f64>> {
    let gradient_echo = |of: &Tissue| of.both * spoiled(150.0, 60.0, of.t1_ms);
    let in_phase = 100.0 * SIGMA * gradient_echo(tissue) / gradient_echo(&Tissue::named("liver")?);
    let opposed = in_phase * (1.0 - 2.0 * tissue.fat_fraction).abs();
    let rng = Rng::new(198);
    let draw = |draw: u64| {
        let [ip, op] = [(in_phase, 0), (opposed, 1)].map(|(signal, stream)| magnitude(signal, rng.stream(stream).normals(draw)));
        100.0 * (ip - op) / (2.0 * ip)
    };
    Some((0..DRAWS).map(draw).collect())
}

/// The same as a distribution.
pub fn drawn(part: &str, map: &str, region: &str) -> Option<Drawn> {
    Some(Drawn::new(draws(part, map, region)?.into_iter()))
}
