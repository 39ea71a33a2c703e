//! The GPUs that the installed drivers offer.

use std::sync::LazyLock;
use std::time::Instant;

use crate::device::{AdapterDescription, AdapterLimits, DeviceDescription, DeviceKind};

/// The interfaces that hepar computes through. OpenGL would offer the same GPUs again, with less.
const BACKENDS: wgpu::Backends = wgpu::Backends::VULKAN.union(wgpu::Backends::METAL).union(wgpu::Backends::DX12);

/// An adapter and what it is.
pub(in crate::device) struct Adapter {
    pub(in crate::device) handle: wgpu::Adapter,
    pub(in crate::device) description: AdapterDescription,
}

/// One for the whole program, and to its end: it saves opening the driver again, and the driver stays loaded. It may leave
/// work for the end of each thread that has used it, which would be a crash once it is unloaded with the last instance;
/// so looked two of five runs of the tests with NVIDIA's 580.159, which passed them all and crashed at their end, and none of
/// three since.
static INSTANCE: LazyLock<wgpu::Instance> = LazyLock::new(|| {
    wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: BACKENDS,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    })
});

/// All adapters, the best kind first and numbered in that order, and whether any driver could be loaded.
pub(in crate::device) fn find_all() -> (Vec<Adapter>, bool) {
    let start = Instant::now();
    let handles = pollster::block_on(INSTANCE.enumerate_adapters(BACKENDS));
    let driver_loaded = !handles.is_empty() || any_backend_started(&INSTANCE);
    let mut adapters: Vec<Adapter> =
        handles.into_iter().map(|handle| Adapter { description: describe(&handle), handle }).collect();
    adapters.sort_by_key(|a| a.description.device.kind);
    for (index, adapter) in adapters.iter_mut().enumerate() {
        adapter.description.index = index;
    }
    tracing::debug!("{} adapters found in {:.1} ms", adapters.len(), start.elapsed().as_secs_f64() * 1e3);
    (adapters, driver_loaded)
}

/// The descriptions alone, for lists.
pub(in crate::device) fn describe_all() -> (Vec<AdapterDescription>, bool) {
    let (adapters, driver_loaded) = find_all();
    let descriptions = adapters.into_iter().map(|a| a.description).collect();
    (descriptions, driver_loaded)
}

/// wgpu tells which interfaces it could start only when it finds no adapter.
fn any_backend_started(instance: &wgpu::Instance) -> bool {
    let request = instance.request_adapter(&wgpu::RequestAdapterOptions::default());
    match pollster::block_on(request) {
        Err(wgpu::RequestAdapterError::NotFound { active_backends, .. }) => !active_backends.is_empty(),
        _ => true,
    }
}

fn describe(adapter: &wgpu::Adapter) -> AdapterDescription {
    let info = adapter.get_info();
    let limits = adapter.limits();
    let driver = [info.driver.as_str(), info.driver_info.as_str()];
    AdapterDescription {
        index: 0,
        device: DeviceDescription {
            name: info.name,
            backend: info.backend.to_str().into(),
            kind: match info.device_type {
                wgpu::DeviceType::DiscreteGpu => DeviceKind::Discrete,
                wgpu::DeviceType::IntegratedGpu => DeviceKind::Integrated,
                wgpu::DeviceType::VirtualGpu => DeviceKind::Virtual,
                wgpu::DeviceType::Other => DeviceKind::Other,
                wgpu::DeviceType::Cpu => DeviceKind::Software,
            },
            driver: driver.join(" ").trim().to_owned(),
            pci: Some(info.device_pci_bus_id).filter(|id| !id.is_empty()),
        },
        vendor_id: info.vendor,
        device_id: info.device,
        limits: AdapterLimits {
            binding_bytes: limits.max_storage_buffer_binding_size,
            buffer_bytes: limits.max_buffer_size,
            workgroups: limits.max_compute_workgroups_per_dimension,
            subgroup_min: info.subgroup_min_size,
            subgroup_max: info.subgroup_max_size,
        },
    }
}
