//! The subcommands, each once, and how arguments become one of them.

use std::ffi::{OsStr, OsString};

use clap::{Args, FromArgMatches, Subcommand};

use super::{
    Global, Session, bench, case, demo, design, devices, enhance, fit, info, maps, models, simulate, spectrum,
    subtract, synthesize,
};
use crate::{RESEARCH_USE_ONLY, Result};

macro_rules! commands {
    ($($Command:ident($Args:ty) => $run:path,)*) => { pastey::paste! {
        #[derive(Debug, Subcommand)]
        #[expect(clippy::large_enum_variant, reason = "there is one of them in a run")]
        pub(super) enum Command {
            $($Command($Args),)*
        }

        impl Command {
            /// Does what it says.
            pub(super) fn run(self, session: &Session) -> Result<()> {
                match self {
                    $(Self::$Command(args) => $run(args, session),)*
                }
            }

            /// The arguments of the subcommand of this name.
            fn alone(name: &OsStr) -> Option<clap::Command> {
                $(if name == stringify!([<$Command:lower>]) {
                    return Some(<$Args>::augment_args(clap::Command::new(stringify!([<$Command:lower>]))));
                })*
                None
            }
        }
    }};
}

commands! {
    Demo(demo::Args) => demo::run,
    Init(case::InitArgs) => case::init,
    Check(case::CheckArgs) => case::check,
    Run(case::RunArgs) => case::run,
    Info(info::Args) => info::run,
    Fit(fit::Args) => fit::run,
    Spectrum(spectrum::Args) => spectrum::run,
    Subtract(subtract::Args) => subtract::run,
    Enhance(enhance::Args) => enhance::run,
    Maps(maps::Args) => maps::run,
    Models(models::Args) => models::run,
    Design(design::Args) => design::run,
    Simulate(simulate::Args) => simulate::run,
    Synthesize(synthesize::Args) => synthesize::run,
    Devices(devices::Args) => devices::run,
    Bench(bench::Args) => bench::run,
}

/// The subcommand that `arguments` ask for, the program's own name first, and the options that all of them take.
pub(super) fn parse(arguments: Vec<OsString>) -> Result<(Command, Global), clap::Error> {
    // Where it is named first, it is the only one that is set up: to do so for all takes a millisecond.
    let mut program = program(arguments.get(1).and_then(|name| Command::alone(name)));
    let mut matches = program.try_get_matches_from_mut(arguments)?;
    let command = Command::from_arg_matches_mut(&mut matches);
    let both = command.and_then(|command| Ok((command, Global::from_arg_matches_mut(&mut matches)?)));
    both.map_err(|error| error.format(&mut program))
}

/// The program's arguments, with those of one subcommand or of all.
fn program(alone: Option<clap::Command>) -> clap::Command {
    let program = Global::augment_args(clap::Command::new("hepar"))
        .about(
            "Quantitative liver imaging from NIfTI: ADC maps, subtraction and enhancement curves, on a GPU or the CPU",
        )
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(RESEARCH_USE_ONLY)
        .subcommand_required(true)
        .arg_required_else_help(true);
    match alone {
        Some(command) => program.subcommand(command),
        None => Command::augment_subcommands(program),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subcommand_alone_is_what_it_is_among_all() {
        let mut all = program(None);
        all.build();
        let names: Vec<String> = all.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        assert!(names.len() > 10);
        for name in names.iter().filter(|name| *name != "help") {
            let mut alone = program(Command::alone(name.as_ref()));
            alone.build();
            let help = |of: &clap::Command| of.find_subcommand(name).unwrap().clone().render_long_help().to_string();
            assert_eq!(help(&alone), help(&all), "{name}");
        }
        assert!(Command::alone("fits".as_ref()).is_none(), "canary: no other name is one");
    }

    #[test]
    fn arguments_are_consistent() {
        program(None).debug_assert();
    }
}
