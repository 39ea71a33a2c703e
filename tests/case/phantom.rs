//! The phantom's whole examination: every value of its tables within three standard errors of truth.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use hepar::enhance::Agent;
use hepar::volume::{MapData, ReadOptions, read, write_nifti};
use libtest_mimic::{Failed, Trial};

use super::truth::{Expected, Truth};
use super::{hepar, table, written};

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for agent in [Agent::Extracellular, Agent::Gadoxetate] {
        let name = format!("case_of_the_phantom_with_{}", agent.name());
        trials.push(Trial::test(name, move || agrees_with_truth(agent)));
    }
    trials.push(Trial::test("case_comparisons_of_distributions_can_fail", || {
        super::drawn::judges_as_it_should();
        Ok(())
    }));
    trials.push(Trial::test("case_gadoxetate_takes_nothing_after_portal", late_phases_do_not_count));
    trials
}

type Row = BTreeMap<String, String>;

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or(f64::NAN)
}

/// What lies beyond three standard errors, and how many were compared.
#[derive(Default)]
struct Compared {
    n: usize,
    beyond: Vec<String>,
    largest: f64,
}

impl Compared {
    fn add(&mut self, what: String, value: f64, own_error: f64, expected: Expected) {
        let error = own_error.hypot(expected.standard_error);
        let difference = (value - expected.value).abs();
        // Where all voxels have one value, such as a time, that is it.
        let z = if difference <= 1e-6 * expected.value.abs() { 0.0 } else { difference / error };
        self.n += 1;
        // What is no number is no chance.
        self.largest = self.largest.max(if z.is_nan() { f64::INFINITY } else { z });
        if z.is_nan() || z > 3.0 {
            self.beyond.push(format!("{what}: {value} is not {} (z {z:.1})", expected.value));
        }
    }

    fn add_z(&mut self, what: String, z: f64) {
        self.n += 1;
        // What is no number is no chance.
        self.largest = self.largest.max(if z.is_nan() { f64::INFINITY } else { z });
        if z.is_nan() || z > 3.0 {
            self.beyond.push(format!("{what} (z {z:.1})"));
        }
    }

    /// Of hundreds of values some lie beyond 3 standard errors by chance: no more than a Gaussian's share of them (two of
    /// 741) may, and none as far as is not to be met among so many (5 standard errors: one of 1.7 million).
    fn conclude_many(&self, name: &str) {
        println!("{name}: {} values, largest z {:.2}, beyond 3: {:?}", self.n, self.largest, self.beyond);
        let allowed = (0.0027 * self.n as f64).ceil() as usize;
        assert!(
            self.beyond.len() <= allowed && self.largest < 5.0 && self.n > 370,
            "{name}: {} of {} values are beyond 3 standard errors, by chance {allowed} are; the largest z is {:.1}:\n{}",
            self.beyond.len(),
            self.n,
            self.largest,
            self.beyond.join("\n")
        );
    }

    fn conclude(&self, name: &str) {
        println!("{name}: {} values, largest z {:.2}", self.n, self.largest);
        let beyond = self.beyond.len();
        assert!(
            beyond == 0 && self.n > 0,
            "{name}: {beyond} of {} values are beyond 3 standard errors:\n{}",
            self.n,
            self.beyond.join("\n")
        );
    }
}

fn agrees_with_truth(agent: Agent) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let truth = Truth::new(written(agent, folder.path())?, agent);
    let out = folder.path().join("out");
    let said = hepar("run", &folder.path().join("case.toml"), &["-o", &out.display().to_string(), "--pictures", "none"])?;
    assert_eq!(said.status, 0, "{}", said.text);
    assert!(said.text.contains("Research use only"), "{}", said.text);
    values(&out, &truth)?;
    distributions(&out, &truth)?;
    lesions(&out, &truth)?;
    curves(&out, &truth)
}

/// The name of a row's quantity with its phase, as maps of a phase have it.
fn with_phase(name: &str, phase: &str) -> String {
    if phase.is_empty() { name.to_owned() } else { format!("{name}_{phase}") }
}

fn values(out: &Path, truth: &Truth) -> Result<(), Failed> {
    let (mut compared, mut canary) = (Compared::default(), Compared::default());
    let rows = table(&out.join("values.tsv"))?;
    let t1 = |region: &str| rows.iter().find(|row| row["map"] == "T1" && row["region"] == region);
    for row in &rows {
        let (map, region, part) = (row["map"].as_str(), row["region"].as_str(), row["part"].as_str());
        let expected = match part {
            "dynamic" if map.starts_with("delta_r1_spgr") => {
                let sd = t1(region).map_or(f64::NAN, |row| number(row, "sd"));
                let t1 = truth.of_map("t1", "T1", region).unwrap_or(f64::NAN);
                truth.expected_delta_r1(&row["phase"], region, t1, sd)
            }
            "dynamic" if map == "signal" => truth.expected(&with_phase(map, &row["phase"]), region, None),
            "dynamic" => truth.expected(map, region, None),
            _ => None,
        };
        let exact = |value| Expected { value, standard_error: 0.0 };
        let Some(expected) = expected.or_else(|| truth.of_map(part, map, region).map(exact)) else { continue };
        if !expected.value.is_finite() || number(row, "n") < 20.0 {
            continue;
        }
        let error = number(row, "sd") / number(row, "n").sqrt();
        compared.add(format!("{part} {map} in {region}"), number(row, "mean"), error, expected);
        canary.add(String::new(), 1.02 * number(row, "mean"), error, expected);
    }
    compared.conclude_many("values.tsv");
    assert!(canary.beyond.len() > canary.n / 2, "2 % more are not noticed: {} of {}", canary.beyond.len(), canary.n);
    Ok(())
}

/// Quantiles and standard deviations. Smallest and largest values, skewness, kurtosis and entropy have distributions far from
/// Gaussian in regions of tens of voxels, in which standard errors say little: they are checked exactly elsewhere
/// (`tests/ibsi.rs`, and beside `measure::summary`), on the same code.
fn distributions(out: &Path, truth: &Truth) -> Result<(), Failed> {
    let (mut compared, mut canary) = (Compared::default(), Compared::default());
    let mut kinds = std::collections::BTreeSet::new();
    for row in &table(&out.join("values.tsv"))? {
        let (part, map, region, n) = (row["part"].as_str(), row["map"].as_str(), row["region"].as_str(), number(row, "n"));
        if n < 20.0 {
            continue;
        }
        let Some((drawn, shift)) = truth.drawn(part, map, &row["phase"], region) else { continue };
        // Where few voxels have a value, which of them do is not only noise.
        if drawn.n() < 1000 {
            continue;
        }
        kinds.insert(format!("{part} {map}"));
        let sd = number(row, "sd");
        for (column, p) in [("p5", 0.05), ("q1", 0.25), ("median", 0.5), ("q3", 0.75), ("p95", 0.95)] {
            let value = number(row, column);
            compared.add_z(format!("{part} {map} in {region}: {column} {value}, n {n}"), drawn.z_of_quantile(p, n, value, shift));
            canary.add_z(String::new(), drawn.z_of_quantile(p, n, value + 0.3 * sd, shift));
        }
        compared.add_z(format!("{part} {map} in {region}: sd {sd}, n {n}"), drawn.z_of_variance(n, sd * sd));
        canary.add_z(String::new(), drawn.z_of_variance(n, 1.2 * sd * sd));
    }
    println!("{kinds:?}");
    compared.conclude_many("distributions in values.tsv");
    let noticed = canary.beyond.len();
    assert!(noticed > canary.n / 2, "distributions that are moved or wider are not noticed: {noticed} of {}", canary.n);
    Ok(())
}

fn lesions(out: &Path, truth: &Truth) -> Result<(), Failed> {
    let mut compared = Compared::default();
    let rows = table(&out.join("lesions.tsv"))?;
    for row in &rows {
        let (quantity, region, part) = (row["quantity"].as_str(), row["region"].as_str(), row["part"].as_str());
        let exact = match quantity.strip_suffix("_mean") {
            Some(map) => truth.of_map(part, map, region),
            None if quantity == "delta_r1_of_means" => truth.of_map(part, &with_phase("delta_r1", &row["phase"]), region),
            None if quantity == "delta_r1_above_liver" => {
                let of = |region| truth.of_map(part, &with_phase("delta_r1", &row["phase"]), region);
                of(region).zip(of("liver")).map(|(lesion, liver)| lesion - liver)
            }
            None => truth.signals.get(region).and_then(|s| truth.of_signals(&with_phase(quantity, &row["phase"]), s)),
        };
        let Some(value) = exact.filter(|value| value.is_finite()) else { continue };
        let what = format!("{part} {quantity} {} of {region}", row["phase"]);
        compared.add(what, number(row, "value"), number(row, "standard_error"), Expected { value, standard_error: 0.0 });
    }
    compared.conclude("lesions.tsv");
    let above = |region: &str, quantity: &str| {
        let row = rows.iter().find(|row| row["region"] == region && row["quantity"] == quantity);
        row.map_or("", |row| row["beyond_2_se"].as_str()).to_owned()
    };
    for quantity in ["enhancement_above_liver", "delta_r1_above_liver"] {
        assert_eq!(above("hcc", quantity), "yes", "{quantity}");
        assert_eq!(above("t1_bright_nodule", quantity), "no", "{quantity}");
    }
    let remark = rows.iter().find(|row| row["quantity"] == "enhancement_above_liver").map_or("", |row| &row["remark"]);
    assert!(remark.contains("T1 before contrast alone can do this"), "{remark}");
    let adc = rows.iter().find(|row| row["quantity"] == "ADC_mean").map_or("", |row| &row["published_cut_offs"]);
    assert!(adc.contains("published cut-off: below 0.001066 mm²/s"), "{adc}");
    Ok(())
}

fn curves(out: &Path, truth: &Truth) -> Result<(), Failed> {
    let mut compared = Compared::default();
    for row in table(&out.join("curves_of_means.tsv"))? {
        let label: u16 = row["label"].parse()?;
        let n = truth.phantom.labels.iter().filter(|&&of| of == label).count();
        let Some(expected) = truth.expected(&row["quantity"], &row["region"], Some(n as f64)) else { continue };
        if expected.value.is_finite() {
            compared.add(format!("{} of {}", row["quantity"], row["region"]), number(&row, "value"), 0.0, expected);
        }
    }
    compared.conclude("curves_of_means.tsv");
    Ok(())
}

/// With gadoxetate, phases after the portal one change neither wash-out nor anything of the curve.
fn late_phases_do_not_count() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    written(Agent::Gadoxetate, folder.path())?;
    let case = folder.path().join("case.toml");
    // The images no longer look like their roles: they are taken at their word.
    let text = fs::read_to_string(&case)?.replace("[dynamic]\n", "[dynamic]\ntrust_roles = true\ntrust_scale = true\n");
    fs::write(&case, text)?;
    let run = |name: &str| -> Result<_, Failed> {
        let out = folder.path().join(name);
        let said = hepar("run", &case, &["-o", &out.display().to_string(), "--pictures", "none", "--format", "nii"])?;
        assert_eq!(said.status, 0, "{}", said.text);
        Ok(out)
    };
    let before = run("before")?;
    for phase in ["transitional", "hepatobiliary"] {
        let path = folder.path().join(format!("{phase}.nii.gz"));
        let image = read(&path, &ReadOptions::default())?;
        let mut values = vec![0.0f32; image.grid.n_voxels()];
        image.row(0).load_f32(0, &mut values);
        let changed: Vec<i16> = values.iter().map(|&value| (1.3 * value + 100.0) as i16).collect();
        fs::remove_file(&path)?;
        write_nifti(&path, &image.grid, 1, MapData::I16(&changed))?;
    }
    let after = run("after")?;
    let (mut same, mut other) = (0, 0);
    for entry in fs::read_dir(before.join("dynamic"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".nii") || name == "status.nii" {
            continue;
        }
        let is_same = fs::read(before.join("dynamic").join(&name))? == fs::read(after.join("dynamic").join(&name))?;
        let is_late = name.contains("transitional") || name.contains("hepatobiliary");
        assert_eq!(is_same, !is_late, "{name}");
        (same, other) = (same + usize::from(is_same), other + usize::from(!is_same));
    }
    let read = |out: &Path| fs::read_to_string(out.join("curves_of_means.tsv"));
    assert_eq!(read(&before)?, read(&after)?);
    assert!(same > 12 && other > 8, "{same} maps are the same, {other} are not");
    for name in ["peak_enhancement", "time_to_peak", "wash_in_slope", "curve_type"] {
        assert!(before.join(format!("dynamic/{name}_unaligned.nii")).is_file(), "{name}");
    }
    Ok(())
}
