use std::path::Path;

use super::*;
use crate::enhance::Agent;

const LIVER: &str = include_str!("../../data/phantom/liver.toml");

fn error(text: &str) -> String {
    let error = Spec::parse(Path::new("mine.toml"), text).unwrap_err();
    assert_eq!(error.exit_status(), 65);
    error.to_string()
}

#[test]
fn the_shipped_phantom_is_read() {
    let spec = Spec::liver().unwrap();
    assert_eq!(spec.tissue("liver"), Some(6));
    assert_eq!(spec.agents().collect::<Vec<_>>(), ["extracellular", "gadoxetate"]);
    assert_eq!(spec.phases(Agent::Extracellular).unwrap().len(), 4);
    assert_eq!(spec.phases(Agent::Gadoxetate).unwrap().len(), 5);
    let error = spec.phases(Agent::Iodinated).unwrap_err().to_string();
    assert!(error.contains("no protocol for iodinated") && error.contains("extracellular, gadoxetate"), "{error}");
}

#[test]
fn every_reference_is_used() {
    let spec = Spec::liver().unwrap();
    for source in spec.references.keys() {
        assert!(LIVER.contains(&format!("source = \"{source}\"")), "{source}");
    }
}

/// One wrong thing at a time, and words that the message must have.
#[test]
fn what_is_wrong_is_named() {
    for (from, to, words) in [
        ("[grid]", "[lattice]", "lattice"),
        ("zooms_mm = [3.0, 3.0, 5.0]", "zooms_mm = [3.0, 0.0, 5.0]", "grid.zooms_mm[1] is 0"),
        ("shape    = [128, 104, 24]", "shape    = [128, 104, 0]", "grid.shape"),
        ("[50.0, 200.0,", "[200.0, 50.0,", "diffusion.b_s_per_mm2"),
        ("[50.0, 200.0,", "[nan, 200.0,", "diffusion.b_s_per_mm2"),
        ("sd        = 10.0", "sd        = -1.0", "noise.sd is -1"),
        ("kind      = \"rician\"", "kind      = \"pink\"", "pink"),
        ("reference = \"liver\"", "reference = \"lung\"", "noise.reference names the tissue lung"),
        ("{ role = \"unenhanced\" }", "{ role = \"early\" }", "unenhanced"),
        ("time_s = 68.0", "time_s = 30.0", "phase portal"),
        ("role = \"portal\"", "role = \"arterial\"", "two phases are arterial"),
        ("name = \"cyst\"", "name = \"hcc\"", "two tissues are named hcc"),
        ("label = 11", "label = 0", "tissue cyst has label 0"),
        ("value = 3793.0", "value = inf", "cyst.t1_ms is inf"),
        ("source = \"bian2007\"", "source = \"memory\"", "cyst.adc_mm2_per_s has the source memory"),
        ("[16.0, 6.0, 3.5]", "[16.0, 6.0]", "aorta.delta_r1_per_s.extracellular"),
        ("[8.0, 3.0, 1.6, 0.4]", "[8.0, 3.0, 1.6]", "aorta.delta_r1_per_s.gadoxetate"),
        (
            "gadoxetate    = { value = [0.03",
            "gadobenate    = { value = [0.03",
            "fat.delta_r1_per_s.gadoxetate is missing",
        ),
        ("time_s = 1200.0", "time_s = 120.0", "phase hepatobiliary"),
        ("value = 0.90, source", "value = 1.0, source", "fat.fat_fraction is 1"),
        ("value = 40.0, source", "value = 20.0, source", "liver.r2star_per_s is 20, below R2"),
        ("[2.3, 1.15]", "[2.3, 1.15, 3.5]", "further.fat has 3 volumes"),
        ("[40.0, 120.0]", "[40.0]", "further.t2 has 1 volumes"),
        ("[2.0, 5.0, 10.0,", "[0.0, 5.0, 10.0,", "further.t1.timing.flip_angle_deg is 0"),
        ("snr                = 400.0", "snr                = 0.0", "further.t2.snr is 0"),
        ("tissue = \"aorta\"", "tissue = \"lung\"", "a shape names the tissue lung"),
        ("radii_mm = [11.0, 11.0]", "radii_mm = [11.0, -1.0]", "a shape of aorta: a radius is -1 mm"),
        ("proton_density = { value = 1.0,", "proton_densities = { value = 1.0,", "proton_densities"),
    ] {
        assert!(LIVER.contains(from), "{from}");
        let message = error(&LIVER.replacen(from, to, 1));
        assert!(message.contains(words), "{words}: {message}");
        assert!(message.contains("mine.toml") && message.contains("remedy"), "{message}");
    }
}
