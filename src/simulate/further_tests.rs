use super::super::{Noise, Phantom, liver_phantom};
use super::*;

fn noiseless(agent: Agent) -> Phantom {
    liver_phantom(&Spec::liver().unwrap().with_noise(Noise::None), agent, 0).unwrap()
}

fn voxel_of(phantom: &Phantom, name: &str) -> usize {
    let label = phantom.regions.iter().find(|r| r.name == name).unwrap().label;
    phantom.labels.iter().position(|&l| l == label).unwrap()
}

/// Stored signals of a region, and the truth of a map there.
fn of(phantom: &Phantom, purpose: Purpose, region: &str, map: &str) -> (Vec<f64>, f64) {
    let series = phantom.further.iter().find(|s| s.purpose == purpose).unwrap();
    let v = voxel_of(phantom, region);
    let truth = series.truth.iter().find(|m| m.name == map).unwrap();
    (series.volumes.iter().map(|s| f64::from(s.voxels[v])).collect(), phantom.truth_column(truth).into_f64()[v])
}

const REGIONS: [&str; 7] = ["liver", "spleen", "aorta", "cyst", "haemangioma", "metastasis", "hcc"];

/// What the stored volumes give by hand is the truth, up to the rounding to int16.
#[test]
fn truth_is_what_the_noiseless_images_give() {
    let phantom = noiseless(Agent::Extracellular);
    for region in REGIONS {
        let (s, fat) = of(&phantom, Purpose::Fat, region, "signal_fat_fraction");
        assert!((50.0 * (1.0 - s[1] / s[0]) - fat).abs() < 0.15, "{region}: {s:?} {fat}");
        let (s, t2) = of(&phantom, Purpose::T2, region, "T2");
        assert!((80.0 / (s[0] / s[1]).ln() / t2 - 1.0).abs() < 0.002, "{region}: {s:?} {t2}");
        let (s, r2star) = of(&phantom, Purpose::T2star, region, "R2star");
        assert!(((s[0] / s[5]).ln() / 11.5e-3 - r2star).abs() < 0.15, "{region}: {s:?} {r2star}");
        let (s, t1) = of(&phantom, Purpose::T1, region, "T1");
        // S/sin against S/tan is a line of slope E1: through 5° and 15°.
        let point = |flip: f64, s: f64| (s / flip.to_radians().tan(), s / flip.to_radians().sin());
        let (a, b) = (point(5.0, s[1]), point(15.0, s[3]));
        let e1 = (a.1 - b.1) / (a.0 - b.0);
        assert!((-4.0 / e1.ln() / t1 - 1.0).abs() < 0.01, "{region}: {s:?} {t1}");
    }
    let (_, liver) = of(&phantom, Purpose::Fat, "liver", "signal_fat_fraction");
    let (_, spleen) = of(&phantom, Purpose::Fat, "spleen", "signal_fat_fraction");
    assert!((liver - 5.0).abs() < 1e-6 && spleen == 0.0);
    assert_eq!(of(&phantom, Purpose::T2star, "liver", "R2star").1, 40.0);
}

#[test]
fn the_reference_has_its_snr_in_the_first_volume() {
    let phantom = noiseless(Agent::Extracellular);
    let firsts: Vec<i16> = phantom.further.iter().map(|s| s.volumes[0].voxels[voxel_of(&phantom, "liver")]).collect();
    assert_eq!(firsts, [1000, 4000, 1000, 1000]);
}

#[test]
fn volumes_are_named_and_timed_as_scanned() {
    let phantom = noiseless(Agent::Gadoxetate);
    let names: Vec<&str> = phantom.further.iter().flat_map(|s| &s.volumes).map(|v| v.name.as_str()).collect();
    let expected = "in_phase opposed_phase t2_e1 t2_e2 t2star_e1 t2star_e2 t2star_e3 t2star_e4 t2star_e5 t2star_e6 \
                    t1_flip2 t1_flip5 t1_flip10 t1_flip15 t1_flip20";
    assert_eq!(names.join(" "), expected);
    let second = &phantom.further[1].volumes[1];
    assert_eq!((second.echo_number, second.timing.echo_time_ms), (Some(2), 120.0));
    assert_eq!(phantom.further[3].volumes[4].timing.flip_angle_deg, 20.0);
}

#[test]
fn the_agent_changes_the_rise_of_r1_and_no_series_before_contrast() {
    let (first, second) = (noiseless(Agent::Extracellular), noiseless(Agent::Gadoxetate));
    for (a, b) in std::iter::zip(&first.further, &second.further) {
        assert!(std::iter::zip(&a.volumes, &b.volumes).all(|(a, b)| a.voxels == b.voxels), "{:?}", a.purpose);
    }
    assert_eq!(of(&first, Purpose::T1, "liver", "delta_r1_portal").1, f64::from(1.6f32));
    assert_eq!(of(&second, Purpose::T1, "liver", "delta_r1_hepatobiliary").1, f64::from(1.9f32));
}
