//! How a run gets on: a bar on a terminal, a line now and then elsewhere, nothing with `--quiet`.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::console::{AroundBars, BARS};
use crate::device::Progress;

/// Time between two lines where there is no terminal: short runs print none.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Shows the progress of one run.
#[derive(Debug)]
pub(super) enum Meter {
    Silent,
    Bar(ProgressBar),
    Lines(Mutex<Lines>),
}

/// What lines need to know.
#[derive(Debug)]
pub(super) struct Lines {
    what: String,
    total: usize,
    done: usize,
    last: Instant,
}

impl Meter {
    pub(super) fn new(quiet: bool, what: &str, n_voxels: usize) -> Self {
        if quiet {
            Self::Silent
        } else if std::io::stderr().is_terminal() {
            let style = "{msg} [{bar:30}] {percent:>3} % {human_pos}/{human_len} voxels, {eta} left";
            let bar = ProgressBar::new(n_voxels as u64).with_message(what.to_owned());
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            Self::Bar(BARS.add(bar))
        } else {
            Self::Lines(Mutex::new(Lines { what: what.to_owned(), total: n_voxels, done: 0, last: Instant::now() }))
        }
    }
}

impl Progress for Meter {
    fn advance(&self, voxels: usize) {
        match self {
            Self::Silent => {}
            Self::Bar(bar) => bar.inc(voxels as u64),
            Self::Lines(lines) => {
                if let Ok(mut lines) = lines.lock()
                    && let Some(line) = lines.advance(voxels, BETWEEN_LINES)
                {
                    // A closed standard error is no reason to stop computing.
                    let _ = writeln!(AroundBars, "hepar: {line}");
                }
            }
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

impl Lines {
    /// The line to print now, if it is time for one.
    fn advance(&mut self, voxels: usize, between: Duration) -> Option<String> {
        self.done += voxels;
        if self.last.elapsed() < between {
            return None;
        }
        self.last = Instant::now();
        let percent = 100 * self.done / self.total.max(1);
        let Self { what, done, total, .. } = self;
        Some(format!("{what}: {percent} % ({done} of {total} voxels)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_when_it_is_time() {
        let mut lines = Lines { what: "adc iwlls".into(), total: 400, done: 0, last: Instant::now() };
        assert_eq!(lines.advance(100, Duration::from_secs(3600)), None);
        let line = lines.advance(100, Duration::ZERO);
        assert_eq!(line.as_deref(), Some("adc iwlls: 50 % (200 of 400 voxels)"));
    }
}
