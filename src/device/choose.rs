//! Which device the user means: a pure function of what was asked for and what is there.

use std::fmt;
use std::str::FromStr;

use super::AdapterDescription;
use crate::Error;

/// A device as asked for on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A real GPU if there is one, else the CPU; never a software GPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A real GPU.
    Gpu,
    /// The GPU, real or software, with this number in `hepar devices`.
    Index(usize),
    /// The first GPU, real or software, whose name or PCI address contains this, without regard to case.
    Name(String),
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.trim() {
            "" => Err(Error::Usage(
                "the device is empty\n  remedy: give auto, gpu, cpu, an index or a part of a name".into(),
            )),
            word if word.eq_ignore_ascii_case("auto") => Ok(Self::Auto),
            word if word.eq_ignore_ascii_case("cpu") => Ok(Self::Cpu),
            word if word.eq_ignore_ascii_case("gpu") => Ok(Self::Gpu),
            word => Ok(word.parse().map_or_else(|_| Self::Name(word.to_owned()), Self::Index)),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu => f.write_str("gpu"),
            Self::Index(index) => write!(f, "{index}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// What a choice comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    /// The CPU.
    Cpu,
    /// The adapter at this place of the list.
    Adapter(usize),
}

/// The device that `choice` means among `adapters`, which are sorted with the best first; `None` if it is not there.
pub(super) fn pick(choice: &DeviceChoice, adapters: &[AdapterDescription]) -> Option<Pick> {
    let first = |fits: &dyn Fn(&AdapterDescription) -> bool| adapters.iter().position(fits).map(Pick::Adapter);
    let real = |a: &AdapterDescription| a.device.kind.is_real_gpu();
    match choice {
        DeviceChoice::Cpu => Some(Pick::Cpu),
        DeviceChoice::Auto => first(&real).or(Some(Pick::Cpu)),
        DeviceChoice::Gpu => first(&real),
        DeviceChoice::Index(index) => first(&|a| a.index == *index),
        DeviceChoice::Name(part) => {
            first(&|a| contains(&a.device.name, part) || a.device.pci.as_ref().is_some_and(|pci| contains(pci, part)))
        }
    }
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::super::{AdapterLimits, DeviceDescription, DeviceKind};
    use super::*;

    fn list(names: &[(&str, DeviceKind, Option<&str>)]) -> Vec<AdapterDescription> {
        let adapter = |(index, &(name, kind, pci)): (usize, &(&str, DeviceKind, Option<&str>))| AdapterDescription {
            index,
            device: DeviceDescription {
                name: name.into(),
                backend: "vulkan".into(),
                kind,
                driver: String::new(),
                pci: pci.map(str::to_owned),
            },
            vendor_id: 0,
            device_id: 0,
            limits: AdapterLimits {
                binding_bytes: 1 << 27,
                buffer_bytes: 1 << 28,
                workgroups: 65_535,
                subgroup_min: 32,
                subgroup_max: 32,
            },
        };
        names.iter().enumerate().map(adapter).collect()
    }

    fn picked(choice: &str, adapters: &[AdapterDescription]) -> Option<Pick> {
        pick(&choice.parse().unwrap(), adapters)
    }

    #[test]
    fn real_gpus_come_first_and_software_only_when_named() {
        let all = list(&[
            ("NVIDIA H100", DeviceKind::Discrete, Some("0000:41:00.0")),
            ("NVIDIA H100", DeviceKind::Discrete, Some("0000:c1:00.0")),
            ("Intel(R) Graphics", DeviceKind::Integrated, Some("0000:00:02.0")),
            ("llvmpipe (LLVM 15.0.6, 256 bits)", DeviceKind::Software, None),
        ]);
        for (choice, want) in [
            ("auto", Some(Pick::Adapter(0))),
            ("GPU", Some(Pick::Adapter(0))),
            ("cpu", Some(Pick::Cpu)),
            ("1", Some(Pick::Adapter(1))),
            ("4", None),
            ("h100", Some(Pick::Adapter(0))),
            ("C1:00", Some(Pick::Adapter(1))),
            ("intel", Some(Pick::Adapter(2))),
            ("LLVMpipe", Some(Pick::Adapter(3))),
            ("radeon", None),
        ] {
            assert_eq!(picked(choice, &all), want, "{choice}");
        }
    }

    #[test]
    fn without_a_real_gpu_auto_is_the_cpu_and_gpu_is_nothing() {
        for adapters in [list(&[]), list(&[("llvmpipe", DeviceKind::Software, None)])] {
            assert_eq!(picked("auto", &adapters), Some(Pick::Cpu));
            assert_eq!(picked("gpu", &adapters), None);
        }
    }

    #[test]
    fn a_choice_is_written_as_it_is_read() {
        for text in ["auto", "cpu", "gpu", "7", "llvmpipe"] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap().to_string(), text);
        }
        assert_eq!(" ".parse::<DeviceChoice>().unwrap_err().exit_status(), 2);
    }
}
