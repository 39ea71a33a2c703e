//! A fit says which parameters a series cannot tell.

use libtest_mimic::{Failed, Trial};

use crate::support;

pub fn trials() -> Vec<Trial> {
    vec![Trial::test("nlls_warns_of_what_a_series_cannot_tell", warns)]
}

fn warns() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for (snr, is_weak) in [("8", true), ("500", false)] {
        let dir = folder.path().join(snr);
        let simulate = "simulate --model ivim --bvals 0,10,20,40,80,200,400,800 --truth f=0.1 --shape 20,20,2 --snr";
        assert!(support::hepar().args(simulate.split(' ')).args([snr, "-o"]).arg(&dir).output()?.status.success());
        let output = support::hepar()
            .args(["fit", "--model", "ivim", "--pictures", "none", "--write", "D", "--device", "cpu"])
            .arg(dir.join("series.nii.gz"))
            .arg("-o")
            .arg(dir.join("maps"))
            .output()?;
        let said = String::from_utf8(output.stderr)?;
        assert!(output.status.success(), "{said}");
        assert_eq!(said.contains("Dstar cannot be"), is_weak, "SNR {snr}: {said}");
        assert_eq!(said.contains("hepar design"), is_weak, "SNR {snr}: {said}");
        // Low b-values are what perfusion is told from, and no fault of the protocol.
        assert!(!said.contains("holds perfusion"), "SNR {snr}: {said}");
    }
    Ok(())
}
