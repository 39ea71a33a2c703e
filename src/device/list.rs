//! Which devices this machine has, and why it has no GPU where it has none.

use std::fmt;

use serde::Serialize;

use super::absence;
use super::choose::{Pick, pick};
use super::{AdapterDescription, CpuDescription, DeviceChoice};
use crate::Error;

/// All devices that can compute.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceList {
    /// GPUs, real ones first, then software.
    pub adapters: Vec<AdapterDescription>,
    /// The CPU, which always works.
    pub cpu: CpuDescription,
    /// What `--device auto` takes: an adapter's index, or `cpu`.
    pub default: String,
    /// Why there is no real GPU, where there is none.
    pub no_gpu_because: Option<String>,
}

impl DeviceList {
    /// Loads the GPU drivers and asks them for their devices; tens of milliseconds.
    pub fn survey() -> Self {
        #[cfg(feature = "gpu")]
        let (adapters, driver_loaded) = super::gpu::adapters::describe_all();
        #[cfg(not(feature = "gpu"))]
        let (adapters, driver_loaded) = (Vec::new(), false);
        Self::new(adapters, driver_loaded)
    }

    pub(super) fn new(adapters: Vec<AdapterDescription>, driver_loaded: bool) -> Self {
        let default = match pick(&DeviceChoice::Auto, &adapters) {
            Some(Pick::Adapter(at)) => adapters[at].index.to_string(),
            _ => "cpu".into(),
        };
        let real = adapters.iter().any(|a| a.device.kind.is_real_gpu());
        let software: Vec<&str> = adapters.iter().map(|a| a.device.name.as_str()).collect();
        let sight = absence::look();
        let no_gpu_because = (!real).then(|| absence::why(&sight, absence::denied(&sight), driver_loaded, &software));
        Self { cpu: CpuDescription::here(), default, no_gpu_because, adapters }
    }

    /// The error for a device that was asked for and is not there: what is there instead, and why.
    pub(super) fn no_such_device(&self, choice: &DeviceChoice) -> Error {
        let mut found: Vec<String> =
            self.adapters.iter().map(|a| format!("{} {} ({})", a.index, a.device.name, a.device.kind.name())).collect();
        found.push(format!("cpu {}", self.cpu.device.name));
        let why = match &self.no_gpu_because {
            Some(reason) => format!("\n  no GPU, because {reason}"),
            None => String::new(),
        };
        Error::NoDevice(format!(
            "--device {choice}: no such device{why}\n  found: {}\n  remedy: --device auto takes what is there; \
             `hepar devices` tells more",
            found.join("; ")
        ))
    }
}

impl DeviceList {
    /// What a benchmark of this machine measures: the CPU and every real GPU.
    pub fn for_benchmarks(&self) -> Vec<DeviceChoice> {
        let real = self.adapters.iter().filter(|adapter| adapter.device.kind.is_real_gpu());
        std::iter::once(DeviceChoice::Cpu).chain(real.map(|adapter| DeviceChoice::Index(adapter.index))).collect()
    }
}

/// A table for people, a device a paragraph.
impl fmt::Display for DeviceList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = |index: &str| {
            if self.default == index { "  (default)" } else { "" }
        };
        for adapter in &self.adapters {
            let AdapterDescription { index, device, limits, .. } = adapter;
            let index = index.to_string();
            writeln!(f, "{index:<4}{}{}", device.name, default(&index))?;
            writeln!(f, "    {}, {}, driver {}", device.kind.name(), device.backend, device.driver)?;
            let pci = device.pci.as_deref().unwrap_or("no PCI address");
            let (vendor, model) = (adapter.vendor_id, adapter.device_id);
            writeln!(f, "    {pci}, vendor {vendor:#06x}, device {model:#06x}")?;
            writeln!(
                f,
                "    a binding of {} MiB, a buffer of {} MiB, {} workgroups, subgroups of {} to {}",
                limits.binding_bytes >> 20,
                limits.buffer_bytes >> 20,
                limits.workgroups,
                limits.subgroup_min,
                limits.subgroup_max
            )?;
        }
        let CpuDescription { device, cores, f32_lanes } = &self.cpu;
        writeln!(f, "cpu {}{}", device.name, default("cpu"))?;
        writeln!(f, "    {cores} cores, {}, {f32_lanes} f32 a vector", device.driver)?;
        if let Some(reason) = &self.no_gpu_because {
            writeln!(f, "\nNo GPU is used by default, because {reason}.")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_gpus_says_why_and_takes_the_cpu() {
        let list = DeviceList::new(Vec::new(), false);
        assert_eq!(list.default, "cpu");
        let reason = list.no_gpu_because.clone().unwrap();
        let error = list.no_such_device(&DeviceChoice::Gpu);
        assert_eq!(error.exit_status(), 69);
        let message = error.to_string();
        assert!(message.contains("--device gpu") && message.contains(&reason), "{message}");
        assert!(message.contains(&list.cpu.device.name), "{message}");
    }
}
