//! Every promise of hepar as one test program; what lacks an adapter or data reports itself as ignored, with why.

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
    libtest_mimic::run(&args, trials.into_iter().collect()).exit();
}
