//! What a device is, in words and numbers: for lists, logs and sidecars.

use std::sync::OnceLock;

use serde::{Serialize, Serializer};

/// What kind of machine a device is, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceKind {
    /// A GPU with its own memory.
    Discrete,
    /// A GPU that shares the CPU's memory.
    Integrated,
    /// A GPU passed through to a virtual machine.
    Virtual,
    /// A GPU whose driver does not say more.
    Other,
    /// A GPU driver that computes on the CPU, such as llvmpipe.
    Software,
    /// The CPU itself, without a driver between.
    Cpu,
}

impl DeviceKind {
    /// Whether it is hardware made for this, and not the CPU in disguise.
    pub fn is_real_gpu(self) -> bool {
        self < Self::Software
    }

    /// Its name, in text and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Discrete => "discrete GPU",
            Self::Integrated => "integrated GPU",
            Self::Virtual => "virtual GPU",
            Self::Other => "other GPU",
            Self::Software => "software GPU",
            Self::Cpu => "CPU",
        }
    }
}

impl Serialize for DeviceKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Which device computed something: what a log or a sidecar says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceDescription {
    /// The maker's name for it.
    pub name: String,
    /// The interface it is driven through: `vulkan`, `metal`, `dx12` or `cpu`.
    pub backend: String,
    /// What kind of machine it is.
    pub kind: DeviceKind,
    /// Driver and version; the instruction set of a CPU.
    pub driver: String,
    /// PCI address, `domain:bus:device.function`, where it has one.
    pub pci: Option<String>,
}

/// What a GPU allows a program to ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdapterLimits {
    /// Largest part of a buffer that a kernel can see, in bytes.
    pub binding_bytes: u64,
    /// Largest buffer, in bytes.
    pub buffer_bytes: u64,
    /// Workgroups in one dimension of a dispatch.
    pub workgroups: u32,
    /// Fewest invocations that run in step.
    pub subgroup_min: u32,
    /// Most invocations that run in step.
    pub subgroup_max: u32,
}

/// A GPU, or what presents itself as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdapterDescription {
    /// What `--device INDEX` takes.
    pub index: usize,
    /// Name, backend, kind, driver and address.
    #[serde(flatten)]
    pub device: DeviceDescription,
    /// PCI vendor, or a Vulkan vendor above 0xFFFF.
    pub vendor_id: u32,
    /// The vendor's number for the model.
    pub device_id: u32,
    /// What it allows.
    pub limits: AdapterLimits,
}

/// The CPU of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CpuDescription {
    /// Name, backend, kind and instruction set.
    #[serde(flatten)]
    pub device: DeviceDescription,
    /// Cores that this process may use.
    pub cores: usize,
    /// f32 values in a vector.
    pub f32_lanes: usize,
}

impl CpuDescription {
    /// Describes the CPU that this runs on; the system is asked once.
    pub fn here() -> Self {
        static HERE: OnceLock<CpuDescription> = OnceLock::new();
        HERE.get_or_init(Self::ask).clone()
    }

    fn ask() -> Self {
        let (instruction_set, f32_lanes) = crate::lanes::instruction_set();
        Self {
            device: DeviceDescription {
                name: model_name().unwrap_or_else(|| format!("{} CPU", std::env::consts::ARCH)),
                backend: "cpu".into(),
                kind: DeviceKind::Cpu,
                driver: instruction_set.into(),
                pci: None,
            },
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            f32_lanes,
        }
    }
}

/// The processor's own name, which only Linux on x86 gives cheaply.
fn model_name() -> Option<String> {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_describes_itself() {
        let cpu = CpuDescription::here();
        assert!(cpu.cores >= 1 && cpu.f32_lanes >= 1);
        assert!(!cpu.device.name.is_empty() && !cpu.device.driver.is_empty());
    }
}
