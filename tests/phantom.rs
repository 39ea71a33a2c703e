//! The phantom is the same everywhere, has the noise that it states, and shows what its lesions are meant to show.

use hepar::enhance::Agent;
use hepar::simulate::{Noise, Phantom, Purpose, Spec, compare, liver_phantom};
use libtest_mimic::{Failed, Trial};
use sha2::{Digest, Sha256};

const SEED: u64 = hepar::simulate::demo::DEFAULT_SEED;

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("phantom::same_bytes_for_1_2_and_8_threads", same_bytes_for_any_threads),
        Trial::test("phantom::bytes_are_pinned", bytes_are_pinned),
        Trial::test("phantom::noise_has_the_stated_sigma", noise_has_the_stated_sigma),
        Trial::test("phantom::subtraction_is_within_3_se_of_truth", subtraction_is_within_3_se),
        Trial::test("phantom::standard_errors_are_calibrated", standard_errors_are_calibrated),
        Trial::test("phantom::t1_bright_nodule_only_looks_enhanced", nodule_only_looks_enhanced),
        Trial::test("phantom::lesions_enhance_as_promised", lesions_enhance_as_promised),
        Trial::test("phantom::further_series_are_within_3_se_of_truth", further_series_are_true),
        Trial::test("phantom::gadoxetate_is_kept_by_hepatocytes_alone", gadoxetate_is_kept),
    ]
}

fn phantom(seed: u64) -> Result<Phantom, Failed> {
    Ok(liver_phantom(&Spec::liver()?, Agent::Extracellular, seed)?)
}

fn check(holds: bool, otherwise: impl Into<String>) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(otherwise.into().into()) }
}

/// All stored voxels, as they would be written on a little-endian machine.
fn sha256(phantom: &Phantom) -> String {
    let mut hash = Sha256::new();
    let images = std::iter::once(&phantom.diffusion.voxels).chain(phantom.phases.iter().map(|p| &p.voxels));
    for voxel in images.flatten() {
        hash.update(voxel.to_le_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn same_bytes_for_any_threads() -> Result<(), Failed> {
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        pool.install(|| phantom(SEED)).map(|p| sha256(&p))
    };
    let one = with_threads(1)?;
    check(one == with_threads(2)? && one == with_threads(8)?, "threads changed the phantom")?;
    check(one != sha256(&phantom(SEED + 1)?), "another seed made the same phantom")
}

/// A change of this sum is a change of every figure that was measured on the phantom. The noise is the same to the last
/// bit everywhere; the noiseless signals of the few tissues may differ in the last bit of an f64 between platforms'
/// `exp`, which rounding to integers hides.
fn bytes_are_pinned() -> Result<(), Failed> {
    const PINNED: &str = "b034930b4a8cf4a965eedb65b1f7e3623631cbed168778891468662117559794";
    let found = sha256(&phantom(SEED)?);
    check(found == PINNED, format!("sha256 of the voxels is {found}"))
}

/// In air Rician noise has E[S²] = 2σ² and var S² = 4σ⁴; in liver, at SNR 100, its variance is σ² less 0.005 %. Rounding
/// to integers adds 1/12 to each second moment.
fn noise_has_the_stated_sigma() -> Result<(), Failed> {
    let p = phantom(SEED)?;
    let voxels = &p.phases[0].voxels;
    let [ni, nj, nk] = p.grid.shape;
    let corner = |v: usize| v % ni < 20 && v / ni % nj < 20 && v / ni / nj < nk;
    let air: Vec<f64> = (0..p.labels.len()).filter(|&v| corner(v)).map(|v| f64::from(voxels[v]).powi(2)).collect();
    let n = air.len() as f64;
    let mean_square = air.iter().sum::<f64>() / n - 1.0 / 12.0;
    let z = |sigma: f64| (mean_square - 2.0 * sigma * sigma) / (2.0 * sigma * sigma / n.sqrt());
    check(z(p.sigma).abs() < 4.0, format!("in air σ is off by {} SE", z(p.sigma)))?;
    check(z(p.sigma * 1.05).abs() > 4.0, "5 % more σ in air would not be noticed")?;

    let liver = region(&p, "liver");
    let values: Vec<f64> = liver.iter().map(|&v| f64::from(voxels[v])).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (n - 1.0) - 1.0 / 12.0;
    let z = |sigma: f64| (variance / (sigma * sigma) - 1.0) / (2.0 / n).sqrt();
    check(z(p.sigma).abs() < 4.0, format!("in liver σ is off by {} SE", z(p.sigma)))?;
    check(z(p.sigma * 1.05).abs() > 4.0, "5 % more σ in liver would not be noticed")
}

fn region(p: &Phantom, name: &str) -> Vec<usize> {
    let label = p.regions.iter().find(|r| r.name == name).map_or(0, |r| r.label);
    (0..p.labels.len()).filter(|&v| p.labels[v] == label).collect()
}

fn truth(p: &Phantom, name: &str) -> Result<Vec<f32>, Failed> {
    let map = p.truth.iter().find(|m| m.name == name).ok_or(format!("no truth of {name}"))?;
    Ok(p.truth_column(map).into_f64().into_iter().map(|v| v as f32).collect())
}

/// Arterial − unenhanced, by the plainest arithmetic.
fn subtraction(p: &Phantom) -> Vec<f32> {
    std::iter::zip(&p.phases[1].voxels, &p.phases[0].voxels).map(|(a, u)| f32::from(*a) - f32::from(*u)).collect()
}

fn z_scores(p: &Phantom, map: &[f32]) -> Result<Vec<f64>, Failed> {
    let truth = truth(p, "subtraction_unaligned")?;
    Ok(compare("subtraction", map, &truth, &p.labels, &p.regions).iter().map(|row| row.z()).collect())
}

fn subtraction_is_within_3_se() -> Result<(), Failed> {
    let p = phantom(SEED)?;
    let z = z_scores(&p, &subtraction(&p))?;
    check(z.len() == p.regions.len() && z.iter().all(|z| z.abs() <= 3.0), format!("{z:?}"))?;
    let shifted: Vec<f32> = subtraction(&p).iter().map(|s| s + 3.0).collect();
    let z = z_scores(&p, &shifted)?;
    check(z.iter().filter(|z| z.abs() > 3.0).count() > 3, "a shift of 0.3 σ would not be noticed")
}

/// Over six seeds the sum of z² follows χ² with one degree of freedom a region and seed: within 4 of its sd.
fn standard_errors_are_calibrated() -> Result<(), Failed> {
    let mut z = Vec::new();
    for seed in 1..=6 {
        let p = phantom(seed)?;
        z.extend(z_scores(&p, &subtraction(&p))?);
    }
    let n = z.len() as f64;
    let off = |scale: f64| (z.iter().map(|z| (z * scale).powi(2)).sum::<f64>() - n) / (2.0 * n).sqrt();
    check(off(1.0).abs() < 4.0, format!("Σz² of {n} comparisons is off by {} sd", off(1.0)))?;
    check(off(1.5).abs() > 4.0, "standard errors too small by a third would not be noticed")
}

fn nodule_only_looks_enhanced() -> Result<(), Failed> {
    let p = phantom(SEED)?;
    let (nodule, liver) = (region(&p, "t1_bright_nodule"), region(&p, "liver"));
    for phase in &p.phases {
        let mean =
            |voxels: &[usize]| voxels.iter().map(|&v| f64::from(phase.voxels[v])).sum::<f64>() / voxels.len() as f64;
        check(mean(&nodule) > mean(&liver), format!("not bright in the {} phase", phase.phase.role))?;
    }
    for map in p.truth.iter().filter(|m| m.name.starts_with("subtraction")) {
        let values = truth(&p, &map.name)?;
        check(nodule.iter().all(|&v| values[v] == 0.0), format!("{} is not 0", map.name))?;
    }
    Ok(())
}

/// Each lesion against liver (brighter +, darker −) without contrast and in the arterial, portal and delayed phases.
fn lesions_enhance_as_promised() -> Result<(), Failed> {
    let p = liver_phantom(&Spec::liver()?.with_noise(Noise::None), Agent::Extracellular, 0)?;
    let at = |name: &str, phase: usize| region(&p, name).first().map_or(0, |&v| i32::from(p.phases[phase].voxels[v]));
    for (lesion, pattern) in [
        ("cyst", "----"),
        ("haemangioma", "---+"),
        ("metastasis", "----"),
        ("hcc", "-+--"),
        ("fnh", "-+++"),
        ("t1_bright_nodule", "++++"),
    ] {
        for (phase, sign) in pattern.chars().enumerate() {
            let brighter = at(lesion, phase) > at("liver", phase);
            check(brighter == (sign == '+'), format!("{lesion} in phase {phase}"))?;
        }
    }
    check((1..4).all(|phase| at("cyst", phase) == at("cyst", 0)), "the cyst enhances")?;
    let rise = |name: &str| at(name, 1) - at(name, 0);
    let promised = rise("hcc") > 2 * rise("liver") && rise("fnh") > 2 * rise("liver");
    check(promised, "HCC and FNH do not enhance in the arterial phase")?;
    let late_arterial = rise("aorta") > rise("portal_vein") && rise("portal_vein") > 0 && rise("hepatic_vein") == 0;
    check(late_arterial, "the arterial phase is not a late arterial one")
}

/// Fat, T2 and R2* by the plainest arithmetic over the first and last volume of their series. Logarithms of Rician
/// signals above 3σ are not biased; their inverse, T2, is by 2 standard errors in the liver, the largest region.
fn further_series_are_true() -> Result<(), Failed> {
    let p = phantom(SEED)?;
    let fat: fn(f64, f64) -> f64 = |a, b| 50.0 * (a - b) / a;
    for (purpose, name, value) in [
        (Purpose::Fat, "signal_fat_fraction", fat),
        (Purpose::T2, "T2", |a, b| 80.0 / (a / b).ln()),
        (Purpose::T2star, "R2star", |a, b| (a / b).ln() / 11.5e-3),
    ] {
        let series = p.further.iter().find(|s| s.purpose == purpose).ok_or("a series is missing")?;
        let map = series.truth.iter().find(|m| m.name == name).ok_or("a truth is missing")?;
        let truth: Vec<f32> = p.truth_column(map).into_f64().into_iter().map(|v| v as f32).collect();
        let [first, .., last] = &series.volumes[..] else { return Err("a series is of one volume".into()) };
        let of = |(a, b): (&i16, &i16)| value(f64::from(*a), f64::from(*b)) as f32;
        let found: Vec<f32> = first.voxels.iter().zip(&last.voxels).map(of).collect();
        let z = |found: &[f32]| -> Vec<f64> {
            compare(name, found, &truth, &p.labels, &p.regions).iter().map(|row| row.z()).collect()
        };
        let right = z(&found);
        check(right.len() == p.regions.len() && right.iter().all(|z| z.abs() <= 3.0), format!("{name}: {right:?}"))?;
        let shifted: Vec<f32> = found.iter().map(|v| 1.01 * v + 0.05).collect();
        check(z(&shifted).iter().any(|z| z.abs() > 3.0), format!("{name}: 1 % more would not be noticed"))?;
    }
    Ok(())
}

/// With gadoxetate, in the arterial, portal, transitional and hepatobiliary phases.
fn gadoxetate_is_kept() -> Result<(), Failed> {
    let p = liver_phantom(&Spec::liver()?.with_noise(Noise::None), Agent::Gadoxetate, 0)?;
    let at = |name: &str, phase: usize| region(&p, name).first().map_or(0, |&v| i32::from(p.phases[phase].voxels[v]));
    for (lesion, pattern) in [
        ("cyst", "-----"),
        ("haemangioma", "-----"),
        ("metastasis", "-----"),
        ("hcc", "-+---"),
        ("fnh", "-++++"),
        ("t1_bright_nodule", "+++++"),
    ] {
        for (phase, sign) in pattern.chars().enumerate() {
            check((at(lesion, phase) > at("liver", phase)) == (sign == '+'), format!("{lesion} in phase {phase}"))?;
        }
    }
    check((1..5).all(|phase| at("liver", phase) > at("liver", phase - 1)), "the liver does not rise")?;
    for vessel in ["aorta", "portal_vein", "hepatic_vein", "inferior_vena_cava"] {
        check((3..5).all(|phase| at(vessel, phase) < at(vessel, phase - 1)), format!("{vessel} does not fall"))?;
        check(at(vessel, 4) < at("liver", 4), format!("{vessel} is bright in the hepatobiliary phase"))?;
    }
    // What comes after the portal phase is compared with the unenhanced one and enters nothing else.
    let has = |name: &str| p.truth.iter().any(|m| m.name == name);
    check(has("subtraction_hepatobiliary_unaligned") && has("signal_loss_absolute_portal_unaligned"), "a truth is missing")?;
    let late = ["signal_loss_absolute_transitional_unaligned", "signal_loss_relative_hepatobiliary_unaligned", "area_under_enhancement_unaligned"];
    check(!late.iter().any(|name| has(name)), "uptake enters wash-out or area")?;
    let liver = region(&p, "liver")[0];
    let portal = truth(&p, "subtraction_portal_unaligned")?[liver];
    check(truth(&p, "peak_enhancement_unaligned")?[liver] == portal, "uptake enters the peak")?;
    check(truth(&p, "time_to_peak_unaligned")?[liver] == 68.0, "uptake enters the time to peak")
}
