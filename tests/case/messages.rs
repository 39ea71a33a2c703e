//! Each thing that can be wrong with an examination is named, and nothing is computed that depends on it.

use std::fs;
use std::path::Path;

use hepar::enhance::Agent;
use hepar::volume::{Image, ReadOptions, read, write_nifti};
use libtest_mimic::{Failed, Trial};

use super::{hepar, written};

/// One thing that is wrong: what is done to the folder, what must be said, what must not be written, and what must be.
struct Wrong {
    name: &'static str,
    spoil: fn(&Path, &str) -> Result<String, Failed>,
    says: &'static [&'static str],
    absent: &'static [&'static str],
    present: &'static [&'static str],
    status: i32,
}

pub fn trials() -> Vec<Trial> {
    let wrongs = || {
        [
            Wrong {
                name: "swapped_arterial_and_portal",
                spoil: |_, case| Ok(case.replace("\"arterial.nii.gz\"", "\"x\"").replace("\"portal.nii.gz\"", "\"arterial.nii.gz\"").replace("\"x\"", "\"portal.nii.gz\"")),
                says: &["given as arterial", "given as portal"],
                absent: &["dynamic/subtraction_arterial_unaligned", "dynamic/subtraction_portal_unaligned", "dynamic/signal_loss_absolute_delayed_unaligned"],
                present: &["dynamic/subtraction_delayed_unaligned"],
                status: 65,
            },
            Wrong {
                name: "swapped_unenhanced_and_arterial",
                spoil: |_, case| Ok(case.replace("\"arterial.nii.gz\"", "\"x\"").replace("\"unenhanced.nii.gz\"", "\"arterial.nii.gz\"").replace("\"x\"", "\"unenhanced.nii.gz\"")),
                says: &["given as arterial", "given as unenhanced"],
                absent: &["dynamic/subtraction_portal_unaligned", "dynamic/relative_enhancement_delayed_unaligned"],
                present: &["dwi/adc/ADC", "values.tsv"],
                status: 65,
            },
            Wrong {
                name: "contradicting_echo_times",
                spoil: |_, case| Ok(case.replace("[t2]\n", "[t2]\necho_times_ms = [4, 12]\n")),
                says: &["states te = 4 for image 1, but 40"],
                absent: &["t2/t2/T2"],
                present: &["dwi/adc/ADC"],
                status: 65,
            },
            Wrong {
                name: "wrong_agent",
                spoil: |_, case| Ok(case.replace("agent = \"extracellular\"", "agent = \"iodinated\"")),
                says: &["iodinated agents are for CT"],
                absent: &["dynamic/subtraction_arterial_unaligned"],
                present: &["dwi/adc/ADC"],
                status: 65,
            },
            Wrong {
                name: "no_agent",
                spoil: |_, case| Ok(case.replace("agent = \"extracellular\"\n", "")),
                says: &["what was injected is not stated"],
                absent: &["dynamic/subtraction_arterial_unaligned"],
                present: &["dwi/adc/ADC"],
                status: 65,
            },
            Wrong {
                name: "missing_time",
                spoil: |_, case| Ok(case.replace("seconds = 68.0\n", "")),
                says: &["no time after injection is known", "portal"],
                absent: &["dynamic/time_to_peak_unaligned", "dynamic/wash_in_slope_unaligned", "dynamic/area_under_enhancement_unaligned"],
                present: &["dynamic/peak_enhancement_unaligned", "dynamic/subtraction_portal_unaligned"],
                status: 0,
            },
            Wrong {
                name: "mismatched_flip_angle",
                spoil: |folder, case| {
                    let path = folder.join("portal.json");
                    let text = fs::read_to_string(&path)?;
                    assert!(text.contains("\"FlipAngle\": 12.0"), "{text}");
                    fs::write(path, text.replace("\"FlipAngle\": 12.0", "\"FlipAngle\": 25.0"))?;
                    Ok(case.to_owned())
                },
                says: &["flip angle is 25"],
                absent: &["dynamic/subtraction_portal_unaligned"],
                present: &["dynamic/subtraction_arterial_unaligned", "dynamic/subtraction_delayed_unaligned"],
                status: 65,
            },
            Wrong {
                name: "contradicting_flip_angle",
                spoil: |_, case| Ok(case.replace("[dynamic]\n", "[dynamic]\nflip_angle_deg = 25.0\n")),
                says: &["flip_angle_deg is 12 in its sidecar, but 25 in the case file"],
                absent: &["dynamic/subtraction_portal_unaligned"],
                present: &["dwi/adc/ADC"],
                status: 65,
            },
            Wrong {
                name: "labels_elsewhere",
                spoil: |folder, case| {
                    let labels = folder.join("labels.nii.gz");
                    let image = read(&labels, &ReadOptions::default())?;
                    let mut values = vec![0.0f32; image.grid.n_voxels()];
                    image.row(0).load_f32(0, &mut values);
                    let mut grid = image.grid.clone();
                    grid.affine[2][3] += 1000.0;
                    fs::remove_file(&labels)?;
                    let labels_u16: Vec<u16> = values.iter().map(|&v| v as u16).collect();
                    write_nifti(&labels, &grid, 1, hepar::volume::MapData::U16(&labels_u16))?;
                    Ok(case.to_owned())
                },
                says: &["has no label inside the image"],
                absent: &["values.tsv", "lesions.tsv", "dynamic/liver_to_lesion_ratio_portal"],
                present: &["dynamic/subtraction_portal_unaligned", "dwi/adc/ADC"],
                status: 65,
            },
            Wrong {
                name: "a_scale_that_changes",
                spoil: |folder, case| {
                    let path = folder.join("portal.nii.gz");
                    let image: Image = read(&path, &ReadOptions::default())?;
                    let mut values = vec![0.0f32; image.grid.n_voxels()];
                    image.row(0).load_f32(0, &mut values);
                    values.iter_mut().for_each(|v| *v *= 2.0);
                    fs::remove_file(&path)?;
                    write_nifti(&path, &image.grid, 1, hepar::volume::MapData::F32(&values))?;
                    Ok(case.to_owned())
                },
                says: &["scal"],
                absent: &["dynamic/subtraction_portal_unaligned"],
                present: &["dynamic/subtraction_arterial_unaligned"],
                status: 65,
            },
            Wrong {
                name: "a_missing_file",
                spoil: |folder, case| {
                    fs::remove_file(folder.join("delayed.nii.gz"))?;
                    Ok(case.to_owned())
                },
                says: &["no such input", "the delayed phase is left out"],
                absent: &["dynamic/subtraction_delayed_unaligned"],
                present: &["dynamic/subtraction_portal_unaligned"],
                status: 65,
            },
            Wrong {
                name: "fat_in_the_wrong_phase",
                spoil: |_, case| Ok(case.replace("\"in_phase.nii.gz\"", "\"x\"").replace("\"opposed_phase.nii.gz\"", "\"in_phase.nii.gz\"").replace("\"x\"", "\"opposed_phase.nii.gz\"")),
                says: &["is given as in phase, but at 3 T"],
                absent: &["chemical_shift/signal_fat_fraction"],
                present: &["dwi/adc/ADC"],
                status: 65,
            },
        ]
    };
    wrongs().into_iter().map(|wrong| Trial::test(format!("case_names::{}", wrong.name), move || named(&wrong))).collect()
}

fn named(wrong: &Wrong) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    written(Agent::Extracellular, folder.path())?;
    let case = folder.path().join("case.toml");
    let sound = fs::read_to_string(&case)?;
    let spoiled = (wrong.spoil)(folder.path(), &sound)?;
    fs::write(&case, &spoiled)?;
    let out = folder.path().join("out");
    for (command, more) in [("check", vec![]), ("run", vec!["-o", out.to_str().unwrap_or(""), "--pictures", "none"])] {
        let said = hepar(command, &case, &more)?;
        for words in wrong.says {
            assert!(said.text.contains(words), "{command} does not say {words:?}:\n{}", said.text);
        }
        assert_eq!(said.status, wrong.status, "{command}: {}", said.text);
    }
    let is_there = |name: &&&str| out.join(name).is_file() || out.join(format!("{name}.nii.gz")).is_file();
    let written: Vec<_> = wrong.absent.iter().filter(is_there).collect();
    assert!(written.is_empty(), "computed all the same: {written:?}");
    let missing: Vec<_> = wrong.present.iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "not computed: {missing:?}");
    let findings = fs::read_to_string(out.join("findings.tsv"))?;
    assert!(!findings.contains(&folder.path().display().to_string()), "a path in {findings}");
    assert!(!findings.contains(".nii.gz"), "a file name in {findings}");
    Ok(())
}
