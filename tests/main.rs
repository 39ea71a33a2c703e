//! Every promise of hepar as one test program; what lacks an adapter or data reports itself as ignored, with why.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test may fail by panicking, and its modules have no users"
)]

mod corpus;
mod info;
mod nifti_affines;
mod nifti_crate;
mod nifti_file;
mod nifti_gate;
mod nifti_gzip;
mod nifti_pairs;
mod nifti_rules;
mod peak;
mod support;

fn main() {
    let args = libtest_mimic::Arguments::from_args();
    let mut trials = vec![support::with_data("data_is_described", |folder| {
        folder
            .join("README.md")
            .is_file()
            .then_some(())
            .ok_or_else(|| "no README.md".into())
    })];
    trials.extend(corpus::trials());
    trials.extend(info::trials());
    trials.extend(nifti_affines::trials());
    trials.extend(nifti_crate::trials());
    trials.extend(nifti_gate::trials());
    trials.extend(nifti_gzip::trials());
    trials.extend(nifti_pairs::trials());
    trials.extend(nifti_rules::trials());
    trials.extend(peak::trials());
    libtest_mimic::run(&args, trials).exit();
}
