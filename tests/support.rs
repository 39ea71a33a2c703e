//! What every promise shares: where data lies, and how a test says that it was skipped and why.

use std::path::PathBuf;

use libtest_mimic::{Failed, Trial};

/// The folder with real images, if there is one: `HEPAR_TEST_DATA`, else `../shared/data` beside the checkout.
pub fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("HEPAR_TEST_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    folder.is_dir().then_some(folder)
}

/// Whether `HEPAR_TEST_REQUIRE` (a comma-separated list of `gpu`, `data`) makes a missing `what` a failure.
pub fn required(what: &str) -> bool {
    std::env::var("HEPAR_TEST_REQUIRE")
        .is_ok_and(|list| list.split(',').any(|item| item.trim() == what))
}

/// A test that needs the real images: ignored, with the reason in its name, where there are none.
pub fn with_data(
    name: &str,
    test: impl FnOnce(PathBuf) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    match data() {
        Some(folder) => Trial::test(name.to_owned(), move || test(folder)).with_kind("data"),
        None if required("data") => Trial::test(name.to_owned(), || {
            Err("no test data, but data is required".into())
        }),
        None => Trial::test(
            format!("{name} (no test data: set HEPAR_TEST_DATA)"),
            || Ok(()),
        )
        .with_ignored_flag(true),
    }
}

/// The built `hepar` program.
pub fn hepar() -> assert_cmd::Command {
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_hepar"))
}
