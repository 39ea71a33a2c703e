//! What every promise shares: where data lies, and how a test says that it was skipped and why.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use hepar::device::{Device, DeviceChoice, DeviceList, Precision, Progress};
use hepar::model::SignalModel;
use libtest_mimic::{Failed, Trial};

/// The folder with real images, if there is one: `HEPAR_TEST_DATA`, else `../shared/data` beside the checkout.
pub fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("HEPAR_TEST_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// Whether `HEPAR_TEST_REQUIRE` (a comma-separated list of `gpu`, `data`) makes a missing `what` a failure.
pub fn required(what: &str) -> bool {
    std::env::var("HEPAR_TEST_REQUIRE").is_ok_and(|list| list.split(',').any(|item| item.trim() == what))
}

/// A test that needs the real images: ignored, with the reason in its name, where there are none.
pub fn with_data(name: &str, test: impl FnOnce(PathBuf) -> Result<(), Failed> + Send + 'static) -> Trial {
    match data() {
        Some(folder) => Trial::test(name.to_owned(), move || test(folder)).with_kind("data"),
        None if required("data") => Trial::test(name.to_owned(), || Err("no test data, but data is required".into())),
        None => Trial::test(format!("{name} (no test data: set HEPAR_TEST_DATA)"), || Ok(())).with_ignored_flag(true),
    }
}

/// IVIM with a dictionary of seventy D: its mixtures have more directions than shaders write out.
pub fn ivim_of_many_places() -> Result<SignalModel, Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/signal/ivim.toml");
    let text = std::fs::read_to_string(&path)?.replace("[parameter.D]\n", "[parameter.D]\nplaces = 70\n");
    assert!(text.contains("places = 70"), "the file has no parameter D");
    Ok(SignalModel::parse("ivim_of_many_places", &text, &path)?)
}

/// Opens the device that a test is for, anew each time.
#[derive(Debug, Clone)]
pub struct TestDevice(pub DeviceChoice);

impl TestDevice {
    pub fn open(&self) -> Device {
        Device::open(&self.0, 2, Precision::F32).expect("a listed device opens")
    }

    /// The same in batches, or chunks, of at most `voxels` voxels.
    pub fn open_with_batches_of(&self, voxels: usize) -> Device {
        match self.open() {
            Device::Cpu(cpu) => Device::Cpu(cpu.with_batch_voxels(voxels)),
            #[cfg(feature = "gpu")]
            Device::Gpu(gpu) => Device::Gpu(gpu.with_most_voxels(voxels)),
        }
    }
}

/// One test body on every device: the CPU, and each GPU, real or software.
pub fn on_every_device(
    name: &str,
    test: impl Fn(&TestDevice) -> Result<(), Failed> + Clone + Send + 'static,
) -> Vec<Trial> {
    let on_cpu = test.clone();
    let cpu = TestDevice(DeviceChoice::Cpu);
    let mut trials = on_every_gpu(name, test);
    trials.push(Trial::test(format!("{name} on the CPU"), move || on_cpu(&cpu)));
    trials
}

/// One test body on each GPU, real or software: ignored, with the reason in its name, where there is none.
pub fn on_every_gpu(
    name: &str,
    test: impl Fn(&TestDevice) -> Result<(), Failed> + Clone + Send + 'static,
) -> Vec<Trial> {
    static DEVICES: LazyLock<DeviceList> = LazyLock::new(DeviceList::survey);
    let on = |adapter: &hepar::device::AdapterDescription| {
        let (test, device) = (test.clone(), TestDevice(DeviceChoice::Index(adapter.index)));
        let title = format!("{name} on {}", adapter.device.name);
        Trial::test(title, move || test(&device)).with_kind("gpu")
    };
    let reason = DEVICES.no_gpu_because.clone().unwrap_or_default();
    match DEVICES.adapters.as_slice() {
        [] if required("gpu") => {
            vec![Trial::test(name.to_owned(), move || Err(format!("a GPU is required, but {reason}").into()))]
        }
        [] => vec![Trial::test(format!("{name} (no GPU: {reason})"), || Ok(())).with_ignored_flag(true)],
        adapters => adapters.iter().map(on).collect(),
    }
}

/// One test body on every device, for a test that needs the real images too.
pub fn on_every_device_with_data(
    name: &str,
    test: impl Fn(&TestDevice, PathBuf) -> Result<(), Failed> + Clone + Send + 'static,
) -> Vec<Trial> {
    match data() {
        Some(folder) => on_every_device(name, move |device| test(device, folder.clone())),
        None => vec![with_data(name, |_| Ok(()))],
    }
}

/// One test body on each GPU, for a test that needs the real images too.
pub fn on_every_gpu_with_data(
    name: &str,
    test: impl Fn(&TestDevice, PathBuf) -> Result<(), Failed> + Clone + Send + 'static,
) -> Vec<Trial> {
    match data() {
        Some(folder) => on_every_gpu(name, move |device| test(device, folder.clone())),
        None => vec![with_data(name, |_| Ok(()))],
    }
}

/// Counts the voxels that a run says are done.
#[derive(Debug, Default)]
pub struct Count(AtomicUsize);

impl Count {
    pub fn voxels(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Progress for Count {
    fn advance(&self, voxels: usize) {
        self.0.fetch_add(voxels, Ordering::Relaxed);
    }
}

/// The built `hepar` program.
pub fn hepar() -> assert_cmd::Command {
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_hepar"))
}
