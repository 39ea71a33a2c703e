//! The one error type: every variant is an exit status, every message names what, where and the remedy.

use std::path::{Path, PathBuf};

/// What went wrong, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line cannot be meant as it stands.
    #[error("{0}")]
    Usage(String),
    /// An input is not what it claims to be, or cannot be used for what was asked.
    #[error("{}: {problem}\n  remedy: {remedy}", path.display())]
    Data {
        /// The offending file.
        path: PathBuf,
        /// What is wrong: the value found and the limit it breaks.
        problem: String,
        /// What the user can do about it.
        remedy: String,
    },
    /// An input file does not exist.
    #[error("{}: no such input\n  remedy: check the path; it is relative to {}", .0.display(), here())]
    Missing(PathBuf),
    /// A device was asked for that is not there.
    #[error("{0}")]
    NoDevice(String),
    /// A fault of hepar itself.
    #[error("internal error: {0}\n  remedy: please report it with the command line")]
    Internal(String),
    /// An output cannot be created.
    #[error("{}: {problem}\n  remedy: {remedy}", path.display())]
    CannotCreate {
        /// The output that cannot be created.
        path: PathBuf,
        /// Why not.
        problem: String,
        /// What the user can do about it.
        remedy: String,
    },
    /// Several inputs were worked on one by one; those that failed were reported as they did.
    #[error("{summary}")]
    Several {
        /// How many failed, of how many.
        summary: String,
        /// Why the first one failed: its exit status is that of the whole.
        first: Box<Error>,
    },
    /// Reading or writing failed below us.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file being read or written.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A device was lost or is out of memory: the same command may succeed later.
    #[error("{0}\n  remedy: try again, or use --device cpu")]
    TryAgain(String),
}

fn here() -> String {
    std::env::current_dir().map_or_else(|_| "the working directory".into(), |d| d.display().to_string())
}

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Bad data in `path`: the value and limit in `problem`, the way out in `remedy`.
    pub fn data(path: impl AsRef<Path>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Data { path: path.as_ref().into(), problem: problem.into(), remedy: remedy.into() }
    }

    /// An input or output error at `path`; a missing file becomes [`Error::Missing`].
    pub fn io(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        match source.kind() {
            std::io::ErrorKind::NotFound => Self::Missing(path.as_ref().into()),
            _ => Self::Io { path: path.as_ref().into(), source },
        }
    }

    /// An output at `path` that cannot be created.
    pub fn cannot_create(path: impl AsRef<Path>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::CannotCreate { path: path.as_ref().into(), problem: problem.into(), remedy: remedy.into() }
    }

    /// The process exit status (after BSD `sysexits.h` where it has a number).
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Data { .. } => 65,
            Self::Missing(_) => 66,
            Self::NoDevice(_) => 69,
            Self::Internal(_) => 70,
            Self::CannotCreate { .. } => 73,
            Self::Several { first, .. } => first.exit_status(),
            Self::Io { .. } => 74,
            Self::TryAgain(_) => 75,
        }
    }
}
