//! What the program says while it works: warnings and progress on standard error, results on standard output.

use std::fmt;
use std::io::{self, Write};
use std::sync::LazyLock;

use indicatif::MultiProgress;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, format::Writer};
use tracing_subscriber::registry::LookupSpan;

use crate::{Error, Result};

/// The progress bars on standard error, if it is a terminal.
pub(super) static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Sends the library's messages to standard error, a plain line each.
pub(super) fn start(quiet: bool, verbose: u8) {
    let level = match (quiet, verbose) {
        (true, _) => Level::ERROR,
        (false, 0) => Level::WARN,
        (false, 1) => Level::INFO,
        (false, 2) => Level::DEBUG,
        (false, _) => Level::TRACE,
    };
    let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(|| AroundBars).event_format(PlainLine);
    // A second start in one process keeps the first subscriber.
    let _ = lines.try_init();
}

/// Prints why the program failed.
pub(super) fn error(error: &Error) {
    // There is no one left to tell that standard error is closed.
    let _ = writeln!(AroundBars, "hepar: {error}");
}

/// Prints a result. A reader that has gone away, such as `head`, has seen enough.
pub(super) fn print(text: &str) -> Result<()> {
    match BARS.suspend(|| io::stdout().write_all(text.as_bytes())) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::io("standard output", error)),
        _ => Ok(()),
    }
}

/// Standard error, with the bars taken away for as long as it takes to write.
pub(super) struct AroundBars;

impl Write for AroundBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        BARS.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

struct PlainLine;

impl<S, N> FormatEvent<S, N> for PlainLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        match *event.metadata().level() {
            Level::ERROR => write!(writer, "hepar: error: ")?,
            Level::WARN => write!(writer, "hepar: warning: ")?,
            _ => write!(writer, "hepar: ")?,
        }
        ctx.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
