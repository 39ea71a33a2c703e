//! How fast DWI fitting is on a device: the kernel alone, with transfers, and from file to file.
//!
//! The voxels are simulated: ADC 0.2–3 µm²/ms evenly, SNR 30 at b = 0, Rician noise, int16, b = 50, 200, 500 and
//! 750 s/mm². The same seed gives the same voxels on every machine.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use crate::device::{Column, Device, DeviceDescription, Source};
use crate::fit::{AdcKernel, AdcOptions, AdcOutput, FitMethod, FitRequest, Method, run as run_fit};
use crate::report::outputs::OutputOptions;
use crate::simulate::{Noise, add_noise};
use crate::volume::mask::MaskChoice;
use crate::volume::{BvalueSource, Format, Grid, Image, MapData, ReadOptions, SeriesOptions, VoxelType, write_nifti};
use crate::{Error, Result};

/// b-values of the simulated series, s/mm².
const B_VALUES: [f64; 4] = [50.0, 200.0, 500.0, 750.0];
/// Stored signal at b = 0.
const S0: f32 = 3000.0;
/// Signal at b = 0 over σ.
const SNR: f32 = 30.0;
const SEED: u64 = 1;

/// What is measured.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// Voxels of the series.
    pub n_voxels: usize,
    /// Runs that count; a first one does not.
    pub repeats: usize,
    /// How log-signals are weighted.
    pub method: Method,
}

/// The throughput of one device, medians over the repeats.
#[derive(Debug, Clone, Serialize)]
pub struct Throughput {
    /// Its name.
    pub device: String,
    /// What drives it.
    pub backend: String,
    /// Signal model.
    pub model: &'static str,
    /// Fit method.
    pub method: &'static str,
    /// Observations a voxel.
    pub n_obs: usize,
    /// Voxels of the series.
    pub n_voxels: usize,
    /// The kernel alone, its data on the device.
    pub kernel_voxels_per_s: f64,
    /// From host memory to host memory; on the CPU nothing is transferred, and this is the kernel's.
    pub transfer_voxels_per_s: f64,
    /// From a `.nii` file to a `.nii` file of the ADC, with its sidecar and its checksum, all written to disk.
    pub file_voxels_per_s: f64,
    /// Bytes read and written: int16 in, f32 out.
    pub bytes_per_voxel: usize,
    /// Arithmetic operations, counted in the kernel's text with the iterations that these voxels took.
    pub flops_per_voxel: f64,
}

/// Measures one device.
///
/// # Errors
/// Those of [`Device::run`] and of writing to the temporary folder.
pub fn measure(options: &BenchOptions, device: &Device) -> Result<Throughput> {
    let image = simulate(options.n_voxels);
    let rows = (0..B_VALUES.len()).map(|volume| image.row(volume)).collect();
    let source = Source::new(rows, image.grid.n_voxels(), None);
    let fit = AdcOptions { method: options.method, ..AdcOptions::default() };
    let kernel = AdcKernel::new(fit.clone(), &B_VALUES, &[AdcOutput::Adc]);
    let n_voxels = source.n_voxels();
    let (kernel_voxels_per_s, transfer_voxels_per_s) = match device {
        #[cfg(feature = "gpu")]
        Device::Gpu(gpu) => {
            let timing = gpu.time_kernel(&kernel, &source, options.repeats)?;
            (timing.kernel_voxels_per_s(), timing.transfer_voxels_per_s())
        }
        Device::Cpu(_) => {
            let seconds = median_seconds(options.repeats, || device.run(&kernel, &source, &()).map(drop))?;
            (n_voxels as f64 / seconds, n_voxels as f64 / seconds)
        }
    };
    let iterations = mean_iterations(&fit, &source, device)?;
    let description: DeviceDescription = device.description();
    Ok(Throughput {
        device: description.name,
        backend: description.backend,
        model: "adc",
        method: options.method.name(),
        n_obs: B_VALUES.len(),
        n_voxels,
        kernel_voxels_per_s,
        transfer_voxels_per_s,
        file_voxels_per_s: n_voxels as f64 / file_seconds(options, &fit, &image, device)?,
        bytes_per_voxel: B_VALUES.len() * VoxelType::I16.size() + size_of::<f32>(),
        flops_per_voxel: kernel.flops_per_voxel(iterations),
    })
}

/// A series of slices as large as need be for at least `n_voxels` voxels.
fn simulate(n_voxels: usize) -> Image {
    let in_plane = 192 * 192;
    let slices = n_voxels.div_ceil(in_plane).max(1);
    let n_voxels = in_plane * slices;
    let adc = |voxel: usize| 0.2 + 2.8 * (voxel as f32 * 0.618_034).fract();
    let mut stored = Vec::with_capacity(n_voxels * B_VALUES.len());
    for (volume, b) in B_VALUES.iter().enumerate() {
        let decay = |voxel| S0 * (-(*b as f32) / 1000.0 * adc(voxel)).exp();
        let mut signal: Vec<f32> = (0..n_voxels).map(decay).collect();
        add_noise(&mut signal, S0 / SNR, Noise::Rician, SEED + volume as u64);
        stored.extend(signal.iter().map(|s| s.round() as i16));
    }
    let affine = [[-2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 5.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
    Image::from_values("simulated", Grid { shape: [192, 192, slices], affine }, VoxelType::I16, &stored)
}

fn mean_iterations(fit: &AdcOptions, source: &Source, device: &Device) -> Result<f64> {
    let kernel = AdcKernel::new(fit.clone(), &B_VALUES, &[AdcOutput::Iterations]);
    match device.run(&kernel, source, &())?.as_slice() {
        [Column::U16(counts)] => Ok(counts.iter().map(|&n| f64::from(n)).sum::<f64>() / counts.len() as f64),
        _ => Err(Error::Internal("a fit counted no iterations".into())),
    }
}

fn file_seconds(options: &BenchOptions, fit: &AdcOptions, image: &Image, device: &Device) -> Result<f64> {
    let folder = tempfile::tempdir().map_err(|e| Error::io(std::env::temp_dir(), e))?;
    let input = folder.path().join("dwi.nii");
    let stored: &[i16] = bytemuck::cast_slice(image.bytes());
    write_nifti(&input, &image.grid, image.n_volumes(), MapData::I16(stored))?;
    let request = FitRequest {
        inputs: vec![input],
        read: ReadOptions::default(),
        series: SeriesOptions { bvalues: BvalueSource::List(B_VALUES.to_vec()), ..SeriesOptions::default() },
        mask: MaskChoice::None,
        labels: None,
        method: FitMethod::Adc(fit.clone()),
        write: vec![AdcOutput::Adc.name().into()],
        output: output_to(&folder.path().join("maps")),
    };
    median_seconds(options.repeats, || run_fit(&request, device, |_| Box::new(())).map(drop))
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
