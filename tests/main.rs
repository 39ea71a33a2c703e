//! Every promise of hepar as one test program; what lacks an adapter or data reports itself as ignored, with why.

mod phantom;
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
    trials.extend(phantom::trials());
    libtest_mimic::run(&args, trials).exit();
}
