//! The whole main job on the phantom: each region's mean within 3 standard errors of truth, on every device.

use std::path::Path;

use hepar::device::DeviceChoice;
use hepar::enhance::Agent;
use hepar::simulate::demo::{COMPARED, DEFAULT_SEED, compare_maps};
use hepar::simulate::{RegionComparison, Spec, liver_phantom};
use hepar::volume::{ReadOptions, read, read_sidecar};
use libtest_mimic::{Failed, Trial};

use crate::support::{self, TestDevice};

pub fn trials() -> Vec<Trial> {
    let mut trials = support::on_every_device("demo_agrees_with_truth", |device| {
        agrees_with_truth(device, Agent::Extracellular, &[])
    });
    trials.push(Trial::test("demo_agrees_with_truth_with_gadoxetate", || {
        let cpu = TestDevice(DeviceChoice::Cpu);
        agrees_with_truth(&cpu, Agent::Gadoxetate, &["--agent", "gadoxetate", "--whole"])
    }));
    trials.push(Trial::test("demo_refuses_an_agent_without_a_phantom", refuses_an_agent));
    trials.push(Trial::test("demo_refuses_a_folder_that_holds_something", refuses_an_occupied_folder));
    trials
}

fn map(folder: &Path, name: &str) -> hepar::Result<Vec<f32>> {
    let image = read(&folder.join(format!("{name}.nii.gz")), &ReadOptions::default())?;
    let mut values = vec![0.0; image.grid.n_voxels()];
    image.row(0).load_f32(0, &mut values);
    Ok(values)
}

fn find<'a>(rows: &'a [RegionComparison], map: &str, region: &str) -> &'a RegionComparison {
    rows.iter().find(|row| row.map == map && row.region == region).expect("the comparison has this row")
}

fn agrees_with_truth(device: &TestDevice, agent: Agent, args: &[&str]) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let dir = folder.path().join("demo");
    let device = device.0.to_string();
    let shown = support::hepar().arg("demo").arg("-o").arg(&dir).args(["--device", &device]).args(args).output()?;
    let text = String::from_utf8(shown.stdout)?;
    if !shown.status.success() {
        return Err(String::from_utf8_lossy(&shown.stderr).into_owned().into());
    }
    for said in ["input", "truth", "maps", "pictures", "computed on", "Research use only"] {
        assert!(text.contains(said), "the demo does not say {said:?}:\n{text}");
    }

    let phantom = liver_phantom(&Spec::liver()?, agent, DEFAULT_SEED)?;
    let rows = compare_maps(&phantom, |name| map(&dir.join("maps"), name))?;
    assert_eq!(rows.len(), COMPARED.len() * phantom.regions.iter().filter(|r| compared(&rows, &r.name)).count());
    let beyond: Vec<_> = rows.iter().filter(|row| row.z().is_nan() || row.z().abs() > 3.0).map(|r| r.row()).collect();
    if !beyond.is_empty() {
        return Err(format!("beyond 3 standard errors: {beyond:?}").into());
    }
    // A truth that is off by 1 % must be noticed.
    let liver = find(&rows, "ADC", "liver");
    assert!((liver.mean - 1.01 * liver.truth).abs() > 3.0 * liver.standard_error);

    // The T1-bright nodule is brighter than liver before and after contrast, and does not enhance.
    let nodule = find(&rows, "subtraction_unaligned", "t1_bright_nodule");
    assert!(nodule.truth == 0.0 && nodule.mean.abs() <= 3.0 * nodule.standard_error);
    for phase in ["unenhanced", "arterial"] {
        let signal = map(&dir.join("input"), phase)?;
        let mean = |region: &str| mean_in(&phantom.labels, label(&phantom, region), &signal);
        assert!(mean("t1_bright_nodule") > 1.2 * mean("liver"), "{phase}");
    }

    // Every true map has its map, and every map its sidecar and its picture.
    for truth in &phantom.truth {
        for path in [format!("maps/{}.nii.gz", truth.name), format!("maps/{}.json", truth.name)] {
            assert!(dir.join(&path).is_file(), "{path}");
        }
        assert!(dir.join(format!("pictures/{}.png", truth.name)).is_file(), "{}", truth.name);
    }

    // The other series are there when asked for, and only then, with what a fit needs to know of them.
    let whole = args.contains(&"--whole");
    for series in &phantom.further {
        for volume in &series.volumes {
            let image = dir.join(format!("input/{}.nii.gz", volume.name));
            assert_eq!(image.is_file(), whole, "{}", volume.name);
            if whole {
                let sidecar = read_sidecar(&image)?.ok_or("a volume has no sidecar")?;
                assert_eq!(sidecar.echo_time_s(), Some(volume.timing.echo_time_ms / 1000.0));
                assert_eq!(sidecar.flip_angle_deg(), Some(volume.timing.flip_angle_deg));
                assert_eq!(sidecar.repetition_time_s(), Some(volume.timing.repetition_time_ms / 1000.0));
                assert_eq!(sidecar.field_strength_t(), Some(3.0));
            }
        }
        for truth in &series.truth {
            assert_eq!(dir.join(format!("truth/{}.nii.gz", truth.name)).is_file(), whole, "{}", truth.name);
        }
    }
    Ok(())
}

fn refuses_an_agent() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let shown = support::hepar().args(["demo", "--agent", "iodinated", "-o"]).arg(folder.path()).output()?;
    let said = String::from_utf8(shown.stderr)?;
    match (shown.status.code(), said.contains("extracellular, gadoxetate")) {
        (Some(2), true) => Ok(()),
        other => Err(format!("{other:?}: {said}").into()),
    }
}

fn compared(rows: &[RegionComparison], region: &str) -> bool {
    rows.iter().any(|row| row.region == region)
}

fn label(phantom: &hepar::simulate::Phantom, region: &str) -> u16 {
    phantom.regions.iter().find(|r| r.name == region).expect("the phantom has this region").label
}

fn mean_in(labels: &[u16], label: u16, values: &[f32]) -> f64 {
    let inside = || labels.iter().zip(values).filter(|(l, _)| **l == label);
    inside().map(|(_, &v)| f64::from(v)).sum::<f64>() / inside().count() as f64
}

fn refuses_an_occupied_folder() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("thesis.txt"), "mine")?;
    support::hepar().arg("demo").arg("-o").arg(folder.path()).assert().code(73);
    assert_eq!(std::fs::read_to_string(folder.path().join("thesis.txt"))?, "mine");
    Ok(())
}
