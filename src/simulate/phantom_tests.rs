use super::super::Noise;
use super::*;

fn noiseless() -> Phantom {
    liver_phantom(&Spec::liver().unwrap().with_noise(Noise::None), Agent::Extracellular, 0).unwrap()
}

fn voxel_of(phantom: &Phantom, name: &str) -> usize {
    let label = phantom.regions.iter().find(|r| r.name == name).unwrap().label;
    phantom.labels.iter().position(|&l| l == label).unwrap()
}

fn truth_at(phantom: &Phantom, map: &str, voxel: usize) -> f64 {
    let map = phantom.truth.iter().find(|m| m.name == map).unwrap();
    phantom.truth_column(map).into_f64()[voxel]
}

#[test]
fn the_grid_is_radiological_and_centred() {
    let grid = noiseless().grid;
    assert_eq!(grid.zooms(), [3.0, 3.0, 5.0]);
    assert_eq!(grid.position([0.0, 0.0, 0.0]), [190.5, -154.5, -57.5]);
    assert_eq!(grid.position([63.5, 51.5, 11.5]), [0.0; 3]);
}

/// The patient's liver lies right, the spleen left, the aorta near the midline and before the spine.
#[test]
fn organs_lie_where_they_belong() {
    let phantom = noiseless();
    let centre = |name: &str| {
        let label = phantom.regions.iter().find(|r| r.name == name).unwrap().label;
        let [ni, nj, _] = phantom.grid.shape;
        let positions: Vec<[f64; 3]> = (0..phantom.labels.len())
            .filter(|&v| phantom.labels[v] == label)
            .map(|v| phantom.grid.position([v % ni, v / ni % nj, v / ni / nj].map(|x| x as f64)))
            .collect();
        [0, 1].map(|axis| positions.iter().map(|p| p[axis]).sum::<f64>() / positions.len() as f64)
    };
    assert!(centre("liver")[0] > 30.0 && centre("spleen")[0] < -80.0);
    let [x, y] = centre("aorta");
    assert!(x.abs() < 20.0 && y < centre("liver")[1]);
}

#[test]
fn signals_have_their_snr_and_their_decay() {
    let phantom = noiseless();
    let n = phantom.grid.n_voxels();
    let v = voxel_of(&phantom, "liver");
    // 50 and 100 times the sd of 10.
    assert_eq!(phantom.diffusion.voxels[v], 500);
    assert_eq!(phantom.phases[0].voxels[v], 1000);
    for (k, b) in phantom.diffusion.b_s_per_mm2.iter().enumerate() {
        let expected = 500.0 * (-(b - 50.0) * 1.28e-3).exp();
        assert!((f64::from(phantom.diffusion.voxels[k * n + v]) - expected).abs() <= 0.5, "b = {b}");
    }
}

/// Spoiled gradient echo at TR 4 ms, 12°, by hand from T1 809 ms and ΔR1 0.3 /s: the ratio of signals.
#[test]
fn enhancement_follows_from_t1_and_the_rise_of_r1() {
    let phantom = noiseless();
    let signal = |r1: f64| {
        let e1 = (-0.004 * r1).exp();
        (1.0 - e1) / (1.0 - e1 * 12f64.to_radians().cos())
    };
    let r1 = 1000.0 / 809.0;
    let expected = 100.0 * (signal(r1 + 0.3) / signal(r1) - 1.0);
    let found = truth_at(&phantom, "relative_enhancement_unaligned", voxel_of(&phantom, "liver"));
    assert!((found / expected - 1.0).abs() < 1e-6, "{found} {expected}");
}

#[test]
fn truth_is_what_the_noiseless_images_give() {
    let phantom = noiseless();
    for region in &phantom.regions {
        let v = voxel_of(&phantom, &region.name);
        let difference = f64::from(phantom.phases[1].voxels[v]) - f64::from(phantom.phases[0].voxels[v]);
        let truth = truth_at(&phantom, "subtraction_unaligned", v);
        assert!((difference - truth).abs() <= 1.0, "{}: {difference} {truth}", region.name);
    }
}

#[test]
fn air_has_no_adc_and_no_enhancement() {
    let phantom = noiseless();
    assert!(truth_at(&phantom, "ADC", 0).is_nan());
    assert!(truth_at(&phantom, "relative_enhancement_unaligned", 0).is_nan());
    assert_eq!(truth_at(&phantom, "subtraction_unaligned", 0), 0.0);
    assert_eq!(truth_at(&phantom, "curve_type_unaligned", 0), 0.0);
}

#[test]
fn a_signal_that_int16_cannot_hold_is_refused() {
    let text = include_str!("../../data/phantom/liver.toml").replace("sd        = 10.0", "sd        = 200.0");
    let spec = Spec::parse(std::path::Path::new("loud.toml"), &text).unwrap();
    let error = liver_phantom(&spec, Agent::Extracellular, 0).unwrap_err();
    assert_eq!(error.exit_status(), 65);
    assert!(error.to_string().contains("int16 ends at 32767"), "{error}");
}
