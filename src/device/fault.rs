//! Makes a GPU fail on demand, in test builds alone (feature `fault-injection`): the proof that recovery works.

/// What can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Taking device memory.
    Allocation,
    /// Handing work to the device.
    Submission,
}

#[cfg(not(feature = "fault-injection"))]
mod plan {
    /// No faults.
    #[derive(Debug, Default)]
    pub(in crate::device) struct Faults;

    impl Faults {
        /// No faults.
        pub(in crate::device) fn from_environment() -> crate::Result<Self> {
            Ok(Self)
        }

        /// Never.
        pub(in crate::device) fn strike(&self, _: super::Step) -> bool {
            false
        }
    }
}

#[cfg(feature = "fault-injection")]
mod plan {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Step;
    use crate::{Error, Result};

    /// Which step fails: `oom:3` the third allocation, `lost:2` the second submission (the device is destroyed),
    /// `oom:3+` the third allocation and all later ones.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Fault {
        step: Step,
        first: usize,
        forever: bool,
    }

    impl std::str::FromStr for Fault {
        type Err = Error;

        fn from_str(text: &str) -> Result<Self> {
            let parse = || {
                let (kind, which) = text.split_once(':')?;
                let step = match kind {
                    "oom" => Step::Allocation,
                    "lost" => Step::Submission,
                    _ => return None,
                };
                let first = which.trim_end_matches('+').parse().ok().filter(|&n| n > 0)?;
                let forever = which.ends_with('+');
                Some(Self { step, first, forever })
            };
            parse().ok_or_else(|| {
                Error::Usage(format!(
                    "{text}: not a fault\n  remedy: give oom:N, oom:N+, lost:N or lost:N+ with N from 1"
                ))
            })
        }
    }

    /// A fault and the steps done so far.
    #[derive(Debug, Default)]
    pub(in crate::device) struct Faults {
        fault: Option<Fault>,
        done: AtomicUsize,
    }

    impl Faults {
        /// What the environment variable `HEPAR_FAULT` asks for.
        pub(in crate::device) fn from_environment() -> Result<Self> {
            match std::env::var("HEPAR_FAULT") {
                Ok(text) => Ok(text.parse::<Fault>()?.into()),
                Err(_) => Ok(Self::default()),
            }
        }

        /// Whether this step is to fail.
        pub(in crate::device) fn strike(&self, step: Step) -> bool {
            let Some(fault) = self.fault.filter(|fault| fault.step == step) else {
                return false;
            };
            let number = self.done.fetch_add(1, Ordering::Relaxed) + 1;
            number == fault.first || (fault.forever && number > fault.first)
        }
    }

    impl From<Fault> for Faults {
        fn from(fault: Fault) -> Self {
            Self { fault: Some(fault), done: AtomicUsize::new(0) }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_named_step_fails_and_no_other() {
            let strikes = |text: &str, step| {
                let faults = Faults::from(text.parse::<Fault>().unwrap());
                (0..4).map(|_| faults.strike(step)).collect::<Vec<_>>()
            };
            assert_eq!(strikes("oom:2", Step::Allocation), [false, true, false, false]);
            assert_eq!(strikes("lost:3+", Step::Submission), [false, false, true, true]);
            assert_eq!(strikes("lost:1", Step::Allocation), [false; 4]);
            for wrong in ["", "oom", "oom:0", "oom:x", "fire:1"] {
                assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
            }
        }
    }
}

#[cfg(feature = "fault-injection")]
pub use plan::Fault;
pub(super) use plan::Faults;
