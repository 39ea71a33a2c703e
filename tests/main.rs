//! Every promise of hepar as one test program; what lacks an adapter or data reports itself as ignored, with why.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic; `pub` says that a file of tests/ is meant for others"
)]

mod nifti_affines;
mod nifti_crate;
mod nifti_file;
mod nifti_gate;
mod nifti_gzip;
mod nifti_pairs;
mod nifti_rules;
mod bvalues;
mod series;
mod devices;
mod recovery;
mod shaders;
mod maps;
mod support;
mod writing;

fn main() {
    let args = libtest_mimic::Arguments::from_args();
    let mut trials = vec![support::with_data("data_is_described", |folder| {
        folder
            .join("README.md")
            .is_file()
            .then_some(())
            .ok_or_else(|| "no README.md".into())
    })];
    trials.extend(nifti_affines::trials());
    trials.extend(nifti_crate::trials());
    trials.extend(nifti_gate::trials());
    trials.extend(nifti_gzip::trials());
    trials.extend(nifti_pairs::trials());
    trials.extend(nifti_rules::trials());
    trials.extend(bvalues::trials());
    trials.extend(series::trials());
    trials.extend(writing::trials());
    trials.extend(devices::trials());
    trials.extend(recovery::trials());
    trials.extend(shaders::trials());
    trials.extend(maps::trials());
    libtest_mimic::run(&args, trials).exit();
}
