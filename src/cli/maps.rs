//! `hepar maps`.

use std::path::PathBuf;

use super::Session;
use crate::model::MapModel;
use crate::{Error, Result};

/// List and show the maps that are formulas over images.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List all maps with their units.
    List,
    /// Show a map's formula, inputs, guards and source.
    Show {
        /// Name of the map.
        name: String,
        /// Print the WGSL that a GPU runs for it instead.
        #[arg(long)]
        wgsl: bool,
    },
    /// Read map files and say what is wrong with them.
    Check {
        /// TOML files of the form of those in models/maps.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

pub(super) fn run(args: Args, _session: &Session) -> Result<()> {
    match args.action {
        Action::List => {
            for map in MapModel::all() {
                println!("{:42} {:16} {}", map.name, map.unit, map.title);
            }
        }
        Action::Show { name, wgsl: true } => print!("{}", MapModel::builtin(&name)?.wgsl()?.body),
        Action::Show { name, wgsl: false } => println!("{}", MapModel::builtin(&name)?),
        Action::Check { files } => {
            for path in files {
                let text = std::fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                println!("{}", MapModel::parse(&name, &text, &path)?);
            }
        }
    }
    Ok(())
}
