//! How fast fits are on a device: the kernel alone, with transfers, and from file to file.

#[cfg(feature = "gpu")]
mod multiply_adds;
mod peak;
mod voxels;

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use crate::device::{Column, Device, DeviceDescription, Source, VoxelKernel};
use crate::fit::{FitMethod, FitOutput, FitRequest, Role, run as run_fit};
use crate::report::outputs::OutputOptions;
use crate::volume::mask::MaskChoice;
use crate::volume::{Format, ReadOptions, Series, VoxelType};
use crate::{Error, Result};

pub use peak::Peak;
pub use voxels::Voxels;

/// What is measured.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// The series that is fitted.
    pub voxels: Voxels,
    /// How it is read.
    pub read: ReadOptions,
    /// Runs that count; a first one does not.
    pub repeats: usize,
    /// How it is fitted.
    pub method: FitMethod,
}

/// The throughput of one device, medians over the repeats.
#[derive(Debug, Clone, Serialize)]
pub struct Throughput {
    /// Its name.
    pub device: String,
    /// What drives it.
    pub backend: String,
    /// Signal model.
    pub model: String,
    /// Fit method.
    pub method: &'static str,
    /// The maps that are computed.
    pub maps: Vec<String>,
    /// Observations a voxel.
    pub n_obs: usize,
    /// Voxels of the series.
    pub n_voxels: usize,
    /// Steps of a voxel's fit, on average.
    pub mean_iterations: f64,
    /// The kernel alone, its data on the device.
    pub kernel_voxels_per_s: f64,
    /// From host memory to host memory; on the CPU nothing is transferred, and this is the kernel's.
    pub transfer_voxels_per_s: f64,
    /// From a `.nii` file to `.nii` files of the maps, with their sidecars and checksums, all written to disk.
    pub file_voxels_per_s: f64,
    /// Bytes of the samples read and of the maps written.
    pub bytes_per_voxel: usize,
    /// Arithmetic operations, counted in the kernel's text with the steps that these voxels took, where it counts them.
    pub flops_per_voxel: Option<f64>,
    /// What the device can do at most.
    pub peak: Peak,
}

impl Throughput {
    /// Arithmetic operations a second, in 10⁹.
    pub fn gflops(&self) -> Option<f64> {
        self.flops_per_voxel.map(|flops| flops * self.kernel_voxels_per_s / 1e9)
    }

    /// Bytes of samples and maps a second, in 10⁹.
    pub fn gbytes(&self) -> f64 {
        self.bytes_per_voxel as f64 * self.kernel_voxels_per_s / 1e9
    }
}

/// Measures one device.
///
/// # Errors
/// Those of reading the series, of [`FitMethod::kernel`], of [`Device::run`] and of writing to the temporary folder.
pub fn measure(options: &BenchOptions, device: &Device) -> Result<Throughput> {
    let folder = tempfile::tempdir().map_err(|e| Error::io(std::env::temp_dir(), e))?;
    let (file, how) = options.voxels.file(&options.method, folder.path())?;
    let image = crate::volume::read(&file, &options.read)?;
    let series = Series::new(vec![image], &how)?;
    let source = Source::new(series.rows(), series.grid.n_voxels(), None);
    let n_voxels = source.n_voxels();
    let written = estimates(&options.method)?;
    let kernel = options.method.kernel(&series.protocol(), &written)?;
    let (kernel_voxels_per_s, transfer_voxels_per_s) = voxels_per_s(&*kernel, &source, options.repeats, device)?;
    let mean_iterations = mean_iterations(options, &series, &source, device)?;
    let request = FitRequest {
        inputs: vec![file],
        read: options.read.clone(),
        series: how,
        axis_scales: Vec::new(),
        mask: MaskChoice::None,
        labels: None,
        prior: None,
        method: options.method.clone(),
        sigma: None,
        write: written.iter().map(|output| output.name.clone()).collect(),
        residuals: false,
        plots: Vec::new(),
        output: output_to(&folder.path().join("maps")),
    };
    let file_seconds = median_seconds(options.repeats, || run_fit(&request, device, |_| Box::new(())).map(drop))?;
    let description: DeviceDescription = device.description();
    let sample_bytes: usize = source.rows().iter().map(|row| row.voxel_type.size()).sum();
    Ok(Throughput {
        device: description.name,
        backend: description.backend,
        model: options.method.model().into(),
        method: options.method.name(),
        n_obs: source.rows().len(),
        n_voxels,
        mean_iterations,
        kernel_voxels_per_s,
        transfer_voxels_per_s,
        file_voxels_per_s: n_voxels as f64 / file_seconds,
        bytes_per_voxel: sample_bytes + written.len() * VoxelType::F32.size(),
        flops_per_voxel: kernel.flops_per_voxel(mean_iterations),
        peak: Peak::measure(device)?,
        maps: request.write,
    })
}

/// The maps that are computed: the fitted parameters, of log-signals the ADC alone.
fn estimates(method: &FitMethod) -> Result<Vec<FitOutput>> {
    let model = method.signal_model()?;
    let all = method.outputs()?.into_iter();
    let is_wanted = |output: &FitOutput| match method {
        FitMethod::Adc(_) => output.role == Role::Estimate,
        _ => model.parameters.iter().any(|parameter| parameter.name == output.name),
    };
    Ok(all.filter(is_wanted).collect())
}

/// Of the kernel alone, and with transfers.
fn voxels_per_s(kernel: &dyn VoxelKernel, source: &Source, repeats: usize, device: &Device) -> Result<(f64, f64)> {
    match device {
        #[cfg(feature = "gpu")]
        Device::Gpu(gpu) => {
            let timing = gpu.time_kernel(kernel, source, repeats)?;
            Ok((timing.kernel_voxels_per_s(), timing.transfer_voxels_per_s()))
        }
        Device::Cpu(_) => {
            let seconds = median_seconds(repeats, || device.run(kernel, source, &()).map(drop))?;
            let rate = source.n_voxels() as f64 / seconds;
            Ok((rate, rate))
        }
    }
}

fn mean_iterations(options: &BenchOptions, series: &Series, source: &Source, device: &Device) -> Result<f64> {
    let all = options.method.outputs()?;
    let iterations: Vec<FitOutput> = all.into_iter().filter(|output| output.role == Role::Iterations).collect();
    let kernel = options.method.kernel(&series.protocol(), &iterations)?;
    match device.run(&*kernel, source, &())?.as_slice() {
        [Column::U16(counts)] => Ok(counts.iter().map(|&n| f64::from(n)).sum::<f64>() / counts.len() as f64),
        _ => Err(Error::Internal("a fit counted no iterations".into())),
    }
}

fn output_to(dir: &Path) -> OutputOptions {
    OutputOptions { dir: dir.into(), format: Format::Nii, pictures: false, force: true }
}

/// The median of `repeats` runs, after one that does not count.
fn median_seconds(repeats: usize, mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    run()?;
    let mut seconds = Vec::new();
    for _ in 0..repeats.max(1) {
        let start = Instant::now();
        run()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[seconds.len() / 2])
}
