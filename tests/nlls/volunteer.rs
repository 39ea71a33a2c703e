//! A volunteer's liver: the maps that the series' authors made of it, by one command.

use std::path::Path;

use hepar::volume::{ReadOptions, read};
use libtest_mimic::{Failed, Trial};

use crate::support;

/// How far maps may lie from the authors': D in µm²/ms, and f. Both are maps in f32 of fits by other programs.
const FARTHEST: f64 = 1e-3;
/// The liver among the regions.
const LIVER: f64 = 2.0;
/// Images without a gradient, and those of bipolar gradients with b >= 200.
const VOLUMES: &str = "0,7,14-15,22,29-30,37,44-45,52,59-60,67,74-75,82,89-120,127,134-135,142,149-150,157,164-165,172,\
                       179-180,187,194-195,202,209-210,217,224-225,232,239-240,247,254-255,262,269-299";

pub fn trials() -> Vec<Trial> {
    vec![support::with_data("nlls_maps_of_a_volunteer_as_published", |data| as_published(&data))]
}

fn values(path: &Path) -> Result<Vec<f64>, Failed> {
    let image = read(path, &ReadOptions::default())?;
    let mut values = vec![0.0; image.grid.n_voxels()];
    image.row(0).load_f64(0, &mut values);
    Ok(values)
}

fn as_published(data: &Path) -> Result<(), Failed> {
    let series = data.join("dwi_liver");
    let folder = tempfile::tempdir()?;
    let table = format!("{}:T_ms", series.join("vol1_all300.tsv").display());
    let options = ["--model", "ivim_simplified", "--median", "3", "--average", "geometric", "--volumes", VOLUMES];
    let output = support::hepar()
        .arg("fit")
        .arg(series.join("vol1_all300.nii.gz"))
        .args(options)
        .args(["--average-within", &table, "--pictures", "none", "-o"])
        .arg(folder.path())
        .output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let liver: Vec<bool> = values(&series.join("vol1_rois.nii.gz"))?.iter().map(|&label| label == LIVER).collect();
    for (ours, theirs, unit) in [("D", "Dhighb", 1e3), ("f", "fhighb", 1.0)] {
        let got = values(&folder.path().join(format!("{ours}.nii.gz")))?;
        let want = values(&series.join(format!("vol1_ref_{theirs}.nii.gz")))?;
        let farthest = |by: f64| {
            let within = (0..got.len()).filter(|&v| liver[v]);
            within.map(|v| (got[v] * unit * by - want[v]).abs()).fold(0.0, f64::max)
        };
        let found = farthest(1.0);
        println!("{ours}: at most {found:e} from the authors' map");
        assert!(found <= FARTHEST, "{ours} is up to {found:e} from the authors' map");
        assert!(farthest(1.01) > FARTHEST, "1 % must be noticed");
    }
    assert!(liver.iter().filter(|&&is| is).count() > 100, "there is a liver");
    Ok(())
}
