//! The `hepar` program: see [`hepar::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    hepar::cli::main()
}
