//! Every promise of hepar as one test program; what lacks an adapter or data reports itself as ignored, with why.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic; `pub` says that a file of tests/ is meant for others"
)]

mod exam;
mod nifti_file;
mod protocol;
mod support;
mod tolerances;

/// Each file of promises, whose tests run together.
macro_rules! promises {
    ($($file:ident)*) => {
        $(mod $file;)*

        fn promises() -> Vec<libtest_mimic::Trial> {
            let mut trials = Vec::new();
            $(trials.extend($file::trials());)*
            trials
        }
    };
}
promises! {
    above accuracy adc bench bvalues case concentration corpus demo design devices enhance enhance_kernels enhance_rules equal_signals fit goodness ibsi info maps models
    nifti_affines nifti_crate nifti_gate nifti_gzip nifti_pairs nifti_rules nlls nlls_devices noise orientation peak
    phantom phase_patterns pictures plots prior recovery refusals segmented select series shaders simulate spectrum subtract subtract_rules
    synthesize t1 writing
}

fn main() {
    let args = libtest_mimic::Arguments::from_args();
    libtest_mimic::run(&args, promises()).exit();
}
