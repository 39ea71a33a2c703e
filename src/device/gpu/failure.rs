//! What can go wrong on a GPU, by what can be done about it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::Error;

/// A failed step on a GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The device is gone: a driver reset, an unplugged or pre-empted GPU. Another one may be opened.
    Lost(String),
    /// An allocation failed. Less may fit.
    OutOfMemory(String),
    /// More at once than the device can see, and nothing to split.
    TooLarge(String),
    /// A kernel that the CPU alone runs.
    NoShader(String),
    /// A GPU in software has left loops before their end. With fewer voxels an invocation it may not.
    LeftLoops,
    /// A fault of hepar or of the driver, which trying again would not cure.
    Invalid(String),
}

impl Failure {
    /// A lost device, with what the driver says of it, if anything.
    pub(super) fn lost(message: &str) -> Self {
        Self::Lost(match message {
            "" => "the device was lost".into(),
            why => format!("the device was lost ({why})"),
        })
    }

    pub(super) fn message(&self) -> &str {
        match self {
            Self::Lost(message)
            | Self::OutOfMemory(message)
            | Self::TooLarge(message)
            | Self::NoShader(message)
            | Self::Invalid(message) => message,
            Self::LeftLoops => "this GPU, which is software, left loops before their end",
        }
    }

    pub(super) fn can_retry(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::OutOfMemory(_))
    }

    /// The error for the user, of `what` on which device.
    pub(super) fn into_error(self, what: &str) -> Error {
        let message = format!("{what}: {}", self.message());
        match self {
            Self::Lost(_) | Self::OutOfMemory(_) => Error::TryAgain(message),
            Self::TooLarge(_) | Self::NoShader(_) | Self::LeftLoops => {
                Error::NoDevice(format!("{message}\n  remedy: --device cpu"))
            }
            Self::Invalid(_) => Error::Internal(message),
        }
    }
}

impl From<wgpu::Error> for Failure {
    fn from(error: wgpu::Error) -> Self {
        match error {
            wgpu::Error::OutOfMemory { source } => Self::OutOfMemory(format!("out of device memory ({source})")),
            wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => {
                Self::Invalid(description)
            }
        }
    }
}

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` and turns a panic in it into [`Failure::Lost`], without the panic's message on standard error.
///
/// wgpu 30 panics in `Device::poll` when the driver says that the device is lost
/// (`handle_error_fatal` in its `backend/wgpu_core.rs`), and offers no other way to wait.
pub(super) fn catch_loss<T>(work: impl FnOnce() -> T) -> Result<T, Failure> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !CATCHING.get() {
                previous(info);
            }
        }));
    });
    CATCHING.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    CATCHING.set(false);
    outcome.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let message = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        Failure::lost(message.lines().next_back().unwrap_or_default().trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_while_waiting_is_a_lost_device() {
        let lost: Result<(), Failure> = catch_loss(|| panic!("Error in {}:\n  gone", "poll"));
        assert_eq!(lost, Err(Failure::Lost("the device was lost (gone)".into())));
        assert_eq!(catch_loss(|| 7), Ok(7));
        assert!(!CATCHING.get());
    }
}
