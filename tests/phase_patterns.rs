//! What phases look like in real examinations: a CT, and human curves of the aorta, the portal vein and the liver.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hepar::enhance::pattern::{Finding, Pattern, PhaseSignals, Signal, patterns};
use hepar::enhance::scaling::{Labelled, scaling_suspect};
use hepar::enhance::{Agent, Role};
use hepar::measure::{Anatomy, Numbering, Organ, Regions, quantile, reference, summarise};
use hepar::volume::{Image, ReadOptions, read, read_labels};
use libtest_mimic::{Failed, Trial};

use crate::support;

pub fn trials() -> Vec<Trial> {
    vec![
        support::with_data("a_real_ct_is_unenhanced", ct),
        support::with_data("mr_of_one_phase_tells_nothing", mr),
        support::with_data("human_gadoxetate_curves_look_like_their_phases", curves),
        support::with_data("another_scale_of_a_real_volume_is_named", scale),
    ]
}

/// An image, its regions, and its organs.
fn labelled(image: &Path, labels: &Path, numbering: Numbering) -> Result<(Vec<f32>, Regions, Anatomy), Failed> {
    let options = ReadOptions::default();
    let image = read(image, &options)?;
    let labels = read_labels(labels, &image.grid, &options)?;
    Ok((volume(&image, 0), Regions::new(&labels.values), Anatomy::from_names(numbering.names())))
}

fn volume(image: &Image, index: usize) -> Vec<f32> {
    let mut values = vec![0.0; image.grid.n_voxels()];
    image.row(index).load_f32(0, &mut values);
    values
}

fn phase(role: Role, values: &[f32], regions: &Regions, anatomy: &Anatomy) -> PhaseSignals {
    PhaseSignals::measured(role.name(), role, values, regions, anatomy)
}

fn ct(data: PathBuf) -> Result<(), Failed> {
    let folder = data.join("ct_abdomen");
    let (values, regions, anatomy) = labelled(
        &folder.join("example_ct_sm.nii.gz"),
        &folder.join("example_seg.nii.gz"),
        Numbering::TotalSegmentator,
    )?;
    let liver = anatomy.voxels(Organ::Liver, &regions);
    let all = summarise(liver.iter().map(|&v| f64::from(values[v])));
    assert!((all.mean - 45.3).abs() < 0.2 && all.median == 46.0, "mean {}, median {}", all.mean, all.median);
    let trimmed = reference(&values, &liver)?;
    // Whole HU, some 1,000 voxels each near the median: trimming 657, half of which move its rank, is one HU at most.
    assert!((trimmed.value - 46.0).abs() <= 1.0, "{trimmed:?}");

    let given_as = |role| patterns(Agent::Iodinated, &[phase(role, &values, &regions, &anatomy)]).remove(0);
    let found = given_as(Role::Unenhanced);
    println!("{:?}: {}", found.pattern, found.why);
    assert_eq!((found.pattern, found.agrees), (Some(Pattern::Unenhanced), Some(true)), "{}", found.why);
    let warning = given_as(Role::Portal).warning().ok_or("an unenhanced CT passes for portal")?;
    assert!(warning.contains("given as portal, looks unenhanced"), "{warning}");
    Ok(())
}

fn mr(data: PathBuf) -> Result<(), Failed> {
    let folder = data.join("mr_abdomen");
    let (image, labels) = (folder.join("example_mr_sm.nii.gz"), folder.join("example_seg_mr.nii.gz"));
    let (values, regions, anatomy) = labelled(&image, &labels, Numbering::TotalSegmentatorMr)?;
    let one = phase(Role::Portal, &values, &regions, &anatomy);
    assert_eq!(one.organs.len(), 4, "all four organs are in the image");
    let found = patterns(Agent::Extracellular, &[one]).remove(0);
    assert_eq!((found.pattern, found.agrees), (None, None));
    assert!(found.why.contains("without an unenhanced phase"), "{}", found.why);
    Ok(())
}

/// One scan: seconds, then the signals of aorta, portal vein and liver.
type Curves = Vec<[f64; 4]>;

fn scans(path: &Path) -> Result<BTreeMap<String, Curves>, Failed> {
    let text = std::fs::read_to_string(path)?;
    let mut scans: BTreeMap<String, Curves> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |i: usize| cells[i].parse().unwrap_or(f64::NAN);
        let scan = scans.entry(format!("{} {}", cells[0], cells[2])).or_default();
        scan.push([3, 4, 5, 6].map(number));
    }
    Ok(scans)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    quantile(&mut values.collect::<Vec<_>>(), 0.5)
}

/// Medians of rows, with the noise of the signals before contrast for their errors.
fn signals(rows: &[&[f64; 4]], noise: [f64; 3]) -> BTreeMap<Organ, Signal> {
    let organs = [Organ::Aorta, Organ::PortalVein, Organ::Liver].into_iter().enumerate();
    let signal = |(i, organ)| {
        let standard_error = 1.2533 * noise[i] / (rows.len() as f64).sqrt();
        (organ, Signal { value: median(rows.iter().map(|row| row[i + 1])), standard_error })
    };
    organs.map(signal).collect()
}

/// The phases of a scan: before the bolus, at the aorta's peak, and 35 s, 2 min and 20 min later; `None` where no bolus
/// comes.
fn phases(scan: &Curves) -> Option<Vec<PhaseSignals>> {
    let smooth = |i: usize| median(scan[i.saturating_sub(1)..(i + 2).min(scan.len())].iter().map(|row| row[1]));
    let peak = (0..scan.len()).filter(|&i| scan[i][0] > 60.0).max_by(|&a, &b| smooth(a).total_cmp(&smooth(b)))?;
    let peak_s = scan[peak][0];
    let before: Vec<&[f64; 4]> =
        scan.iter().filter(|row| row[0] > 10.0 && (peak_s - 90.0..peak_s - 25.0).contains(&row[0])).collect();
    let base = [1, 2, 3].map(|i| median(before.iter().map(|row| row[i])));
    if smooth(peak) < 1.5 * base[0] {
        return None;
    }
    let spread = |i: usize| 1.4826 * median(before.iter().map(|row| (row[i + 1] - base[i]).abs()));
    let noise = [0, 1, 2].map(spread);
    let nearest = |seconds: f64, n: usize| {
        let mut rows: Vec<&[f64; 4]> = scan.iter().collect();
        rows.sort_by(|a, b| (a[0] - seconds).abs().total_cmp(&(b[0] - seconds).abs()));
        signals(&rows[..n], noise)
    };
    let phase = |role: Role, organs| PhaseSignals { label: role.to_string(), role, organs };
    Some(vec![
        phase(Role::Unenhanced, signals(&before, noise)),
        phase(Role::Arterial, nearest(peak_s, 3)),
        phase(Role::Portal, nearest(peak_s + 35.0, 5)),
        phase(Role::Transitional, nearest(peak_s + 120.0, 5)),
        phase(Role::Hepatobiliary, nearest(peak_s + 1200.0, 9)),
    ])
}

/// At the aorta's peak the portal vein has or has not begun to enhance: either arterial pattern is right there.
fn as_expected(finding: &Finding) -> bool {
    let arterial = matches!(finding.pattern, Some(Pattern::EarlyArterial | Pattern::LateArterial));
    if finding.role == Role::Arterial { arterial } else { finding.agrees == Some(true) }
}

fn contradicts(finding: &Finding) -> bool {
    finding.agrees == Some(false) && !as_expected(finding)
}

/// 20 scans, in 19 of which a bolus comes. As given look 19 before contrast, 19 arterial, 7 portal, 7 transitional and
/// 18 hepatobiliary ones; no phase is contradicted, and all 19 swaps of the arterial and the portal phase are. What is left
/// open is so by the portal vein: a few noisy voxels over some 10 s, destroyed by breathing in places. The bars leave one
/// scan's worth of room; none is left for a wrong warning.
fn curves(data: PathBuf) -> Result<(), Failed> {
    let scans = scans(&data.join("dce_curves/tristan_humans_healthy_controls_leeds.csv"))?;
    assert_eq!(scans.len(), 20);
    let examinations: Vec<Vec<PhaseSignals>> = scans.values().filter_map(phases).collect();
    assert_eq!(examinations.len(), 19, "one scan has no bolus");
    let (mut right, mut wrong, mut caught) = ([0; 5], [0; 5], 0);
    for phases in &examinations {
        for (i, finding) in patterns(Agent::Gadoxetate, phases).iter().enumerate() {
            right[i] += usize::from(as_expected(finding));
            wrong[i] += usize::from(contradicts(finding));
            if !as_expected(finding) {
                println!("{}: {:?}: {}", finding.label, finding.pattern, finding.why);
            }
        }
        let mut swapped = phases.clone();
        swapped[1].organs = phases[2].organs.clone();
        swapped[2].organs = phases[1].organs.clone();
        let found = patterns(Agent::Gadoxetate, &swapped);
        caught += usize::from(contradicts(&found[1]) || contradicts(&found[2]));
    }
    println!("of 19: as given {right:?}, contradicted {wrong:?}; arterial and portal swapped, caught {caught}");
    for (right, bar) in std::iter::zip(right, [18, 18, 6, 6, 17]) {
        assert!(right >= bar, "{right} of 19 are below the bar of {bar}");
    }
    assert_eq!(wrong, [0; 5]);
    assert!(caught >= 18, "{caught} of 19 swaps were caught");
    Ok(())
}

/// A real volume against itself times a factor, with noise of neither: what is measured is the reading of the body.
fn scale(data: PathBuf) -> Result<(), Failed> {
    let image = read(&data.join("t1_vfa_liver/vfa5.nii.gz"), &ReadOptions::default())?;
    let pre = volume(&image, 2);
    let times = |factor: f32| -> Vec<f32> { pre.iter().map(|v| factor * v).collect() };
    for (factor, named) in [(0.5, true), (0.8, true), (0.9, false), (1.0, false), (1.4, false), (1.5, true), (2.0, true)] {
        assert_eq!(scaling_suspect(&pre, &times(factor), &Labelled::default()).is_some_and(|said| said.is_sure), named, "{factor}");
    }
    // Two flip angles of the same series are two protocols: 20° beside 10° (volumes 3 and 1) darkens most of the body.
    let said = scaling_suspect(&volume(&image, 1), &volume(&image, 3), &Labelled::default()).ok_or("10° and 20° pass")?;
    println!("{}", said.text);
    Ok(())
}
