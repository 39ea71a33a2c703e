//! One device that runs kernels, whatever it is.

use super::choose::DeviceChoice;
use super::kernel::empty_columns;
use super::{
    Column, ColumnSpec, Cpu, CpuDescription, DeviceDescription, Precision, Progress, Sink, Source, VoxelKernel,
};
use crate::{Error, Result};

#[cfg(feature = "gpu")]
use super::{
    DeviceList, Gpu, absence,
    choose::{Pick, pick},
    gpu::adapters,
};

/// A device that was chosen and opened.
#[derive(Debug)]
#[cfg_attr(feature = "gpu", expect(clippy::large_enum_variant, reason = "a program has one of them"))]
pub enum Device {
    /// The CPU, f32 or f64.
    Cpu(Cpu),
    /// A GPU, f32.
    #[cfg(feature = "gpu")]
    Gpu(Gpu),
}

impl Device {
    /// Opens the device that is asked for, and logs which one it is. `threads` (0: those of the rayon pool that it is used in) compute on the
    /// CPU, and copy for a GPU. f64 is for the CPU alone: [`DeviceChoice::Auto`] takes the CPU for f64, any other GPU choice is a usage error then.
    ///
    /// A device that is not there is [`Error::NoDevice`]; the CPU needs no driver and takes no time to open.
    pub fn open(choice: &DeviceChoice, threads: usize, precision: Precision) -> Result<Self> {
        let device = match choice {
            DeviceChoice::Cpu => None,
            DeviceChoice::Auto if precision == Precision::F64 => None,
            _ if precision == Precision::F64 => return Err(f64_on_gpu(choice)),
            _ => open_gpu(choice, threads)?,
        };
        let device = match device {
            Some(gpu) => gpu,
            None => Self::Cpu(Cpu::new(threads, precision)?),
        };
        device.announce();
        Ok(device)
    }

    /// Runs a kernel over all wanted voxels; columns are in the order of [`Source::picked`].
    pub fn run(&self, kernel: &dyn VoxelKernel, source: &Source, progress: &dyn Progress) -> Result<Vec<Column>> {
        match self {
            Self::Cpu(cpu) => Ok(cpu.run_with(kernel, source, progress)),
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) => gpu.run(kernel, source, progress),
        }
    }

    /// The same with the results handed to `sink` as they come, from several threads: what was not handed on yet takes a
    /// batch a thread on the CPU, and some chunks on a GPU. `sink` must not run anything on this device.
    pub fn run_into(
        &self,
        kernel: &dyn VoxelKernel,
        source: &Source,
        sink: &dyn Sink,
        progress: &dyn Progress,
    ) -> Result<()> {
        match self {
            Self::Cpu(cpu) => cpu.run_into(kernel, source, sink, progress),
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) => gpu.run_into(kernel, source, sink, progress),
        }
    }

    /// The floating-point type computed in.
    pub fn precision(&self) -> Precision {
        self.cpu().map_or(Precision::F32, Cpu::precision)
    }

    /// Columns as this device fills them, of `n_voxels` zeros.
    pub fn empty_columns(&self, specs: &[ColumnSpec], n_voxels: usize) -> Vec<Column> {
        empty_columns(specs, self.precision(), n_voxels)
    }

    /// What it is, for logs and sidecars.
    pub fn description(&self) -> DeviceDescription {
        match self {
            Self::Cpu(_) => CpuDescription::here().device,
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) => gpu.description().device.clone(),
        }
    }

    /// The CPU backend, if it is the one.
    pub fn cpu(&self) -> Option<&Cpu> {
        match self {
            Self::Cpu(cpu) => Some(cpu),
            #[cfg(feature = "gpu")]
            Self::Gpu(_) => None,
        }
    }

    /// Says which device computes; a software GPU is slow enough to warn of.
    fn announce(&self) {
        let DeviceDescription { name, backend, kind, driver, .. } = self.description();
        if kind == super::DeviceKind::Software {
            tracing::warn!("computing on {name}, a software GPU: --device cpu is faster");
        }
        tracing::info!("device: {name} ({}, {backend}, {driver})", kind.name());
    }
}

fn f64_on_gpu(choice: &DeviceChoice) -> Error {
    Error::Usage(format!(
        "--device {choice}: a GPU computes in 32 bits, and 64 bits were asked for\n  \
         remedy: --device cpu, or leave the precision at 32 bits"
    ))
}

/// The GPU that is asked for; `None` where the choice comes to the CPU.
#[cfg(feature = "gpu")]
fn open_gpu(choice: &DeviceChoice, threads: usize) -> Result<Option<Device>> {
    let is_auto = *choice == DeviceChoice::Auto;
    if is_auto && absence::look() == absence::Sight::Nothing {
        return Ok(None);
    }
    let (mut adapters, driver_loaded) = adapters::find_all();
    let descriptions: Vec<_> = adapters.iter().map(|a| a.description.clone()).collect();
    match pick(choice, &descriptions) {
        Some(Pick::Cpu) => Ok(None),
        Some(Pick::Adapter(at)) => match Gpu::open(adapters.swap_remove(at), threads) {
            Ok(gpu) => Ok(Some(Device::Gpu(gpu))),
            Err(error) if is_auto => {
                tracing::warn!("the CPU is used instead of a GPU: {error}");
                Ok(None)
            }
            Err(error) => Err(error),
        },
        None => Err(DeviceList::new(descriptions, driver_loaded).no_such_device(choice)),
    }
}

/// Without GPU support there is the CPU, and the reason why there is nothing else.
#[cfg(not(feature = "gpu"))]
fn open_gpu(choice: &DeviceChoice, _threads: usize) -> Result<Option<Device>> {
    match choice {
        DeviceChoice::Auto => Ok(None),
        _ => Err(super::DeviceList::survey().no_such_device(choice)),
    }
}
