//! Every promise of hepar as one test program; what lacks an adapter or data reports itself as ignored, with why.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic; `pub` says that a file of tests/ is meant for others"
)]

mod orientation;
mod pictures;
mod plots;
mod support;

fn main() {
    let args = libtest_mimic::Arguments::from_args();
    let trials = [support::with_data("data_is_described", |folder| {
        folder
            .join("README.md")
            .is_file()
            .then_some(())
            .ok_or_else(|| "no README.md".into())
    })];
    let trials = trials
        .into_iter()
        .chain(orientation::trials())
        .chain(pictures::trials())
        .chain(plots::trials());
    libtest_mimic::run(&args, trials.collect()).exit();
}
