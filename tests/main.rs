//! Every promise of hepar as one test program; what lacks an adapter or data reports itself as ignored, with why.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic; `pub` says that a file of tests/ is meant for others"
)]

mod bvalues;
mod series;
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
    trials.extend(bvalues::trials());
    trials.extend(series::trials());
    trials.extend(writing::trials());
    libtest_mimic::run(&args, trials).exit();
}
