//! What a device cannot do is an error that says so, with its exit status; and what is there is listed.

use hepar::device::{
    Batch, Column, ColumnMut, ColumnSpec, ColumnType, Device, DeviceChoice, DeviceKind, Precision, Row, Shader, Source,
    VoxelKernel,
};
use hepar::volume::{Scaling, VoxelType};
use libtest_mimic::{Failed, Trial};

use crate::support::{TestDevice, hepar, on_every_gpu};

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(on_every_gpu("refusals::faults_of_a_kernel", faults_of_a_kernel));
    trials.extend(on_every_gpu("refusals::f64_on_a_gpu", f64_on_a_gpu));
    trials.extend(on_every_gpu("refusals::more_work_takes_longer", more_work_takes_longer));
    trials.extend(on_every_gpu("refusals::many_turns_of_loops", many_turns_of_loops));
    trials.push(Trial::test("refusals::what_is_not_there_is_69", what_is_not_there_is_69));
    trials.push(Trial::test("refusals::what_is_there_is_listed", what_is_there_is_listed));
    trials
}

/// A kernel of which the WGSL and the numbers are given.
struct Text {
    body: String,
    params: Vec<f32>,
    turns: usize,
}

impl VoxelKernel for Text {
    fn label(&self) -> String {
        "text".into()
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        vec![ColumnSpec { name: "x".into(), kind: ColumnType::F32 }]
    }

    fn run_cpu(&self, _: &Batch, _: Precision, _: &mut [ColumnMut]) {
        unreachable!("for GPUs alone");
    }

    fn shader(&self, _n_obs: usize) -> Option<Shader> {
        Some(Shader { body: self.body.clone(), params: self.params.clone(), turns: self.turns })
    }
}

/// Adds 1 to each voxel `times` times.
fn count_up(times: f32) -> Text {
    let body = "
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var voxel = id.x; voxel < batch.n_voxels; voxel += groups.x * WORKGROUP) {
        var x = load(0u, voxel);
        for (var i = 0.0; i < params[0]; i += 1.0) { x = f32(i32(x) + 1); }
        store_f32(0u, voxel, x);
    }
    finish();
}";
    Text { body: body.into(), params: vec![times], turns: times as usize + 1 }
}

const N: usize = 3000;

fn source(voxels: &[u8]) -> Source<'_> {
    let row = Row { bytes: voxels, voxel_type: VoxelType::U8, scaling: Scaling::IDENTITY };
    Source::new(vec![row], voxels.len(), None)
}

fn faults_of_a_kernel(device: &TestDevice) -> Result<(), Failed> {
    let device = device.open();
    let voxels = [7u8; N];
    let refused = |body: &str, n_params: usize| {
        let kernel = Text { body: body.into(), params: vec![0.0; n_params], turns: 1 };
        let error = device.run(&kernel, &source(&voxels), &()).expect_err("it cannot run");
        assert!(error.to_string().contains("text on "), "{error}");
        error.exit_status()
    };
    for wrong in [
        "@compute @workgroup_size(WORKGROUP) fn main() { lod(); }",
        "@compute @workgroup_size(WORKGROUP) fn other() {}",
        "@compute @workgroup_size(100000) fn main() {}",
    ] {
        assert_eq!(refused(wrong, 1), 70, "{wrong}");
    }
    let got = device.run(&count_up(2.0), &source(&voxels), &())?;
    assert_eq!(got, [Column::F32(vec![9.0; N])], "the device still works");
    #[cfg(feature = "gpu")]
    if let Device::Gpu(gpu) = &device {
        let one_too_many = gpu.description().limits.binding_bytes / 4 + 1;
        assert_eq!(refused("", one_too_many as usize), 69);
    }
    Ok(())
}

fn more_work_takes_longer(device: &TestDevice) -> Result<(), Failed> {
    #[cfg(feature = "gpu")]
    if let Device::Gpu(gpu) = device.open() {
        let voxels = [7u8; N];
        let time = |times| gpu.time_kernel(&count_up(times), &source(&voxels), 3);
        let (little, much) = (time(1.0)?, time(50_000.0)?);
        assert!(much.kernel_s > 2.0 * little.kernel_s, "{little:?}, {much:?}");
        assert!(much.run_s > 2.0 * little.kernel_s, "{little:?}, {much:?}");
        assert_eq!((much.kernel_voxels, much.run_voxels), (N, N));
        return Ok(());
    }
    Err(format!("{device:?} is no GPU").into())
}

/// Software GPUs leave loops after 65,535 turns an invocation. Nothing of it is handed on: each invocation takes one voxel then,
/// and what takes more for one is refused.
fn many_turns_of_loops(device: &TestDevice) -> Result<(), Failed> {
    let device = device.open();
    let count = |n_voxels: usize, turns, times: f32| -> Result<(), hepar::Error> {
        let kernel = Text { turns, ..count_up(times) };
        let got = device.run(&kernel, &source(&vec![7u8; n_voxels]), &())?;
        assert!(got == [Column::F32(vec![7.0 + times; n_voxels])], "some voxels were not counted up to the end");
        Ok(())
    };
    // Four voxels an invocation, if there is no reason for fewer; too few turns are said once.
    const MANY: usize = 1 << 16;
    count(MANY, 20_001, 20_000.0)?;
    count(MANY, 1, 20_000.0)?;
    match count(64, Shader::ANY, 70_000.0) {
        Ok(()) => assert!(!is_software(&device), "it need not be looked at any more"),
        Err(error) => {
            assert!(is_software(&device), "{error}");
            assert!(error.to_string().contains("--device cpu"), "{error}");
            assert_eq!(error.exit_status(), 69);
        }
    }
    Ok(count(MANY, 20_001, 20_000.0)?)
}

fn is_software(device: &Device) -> bool {
    match device {
        #[cfg(feature = "gpu")]
        Device::Gpu(gpu) => gpu.description().device.kind == DeviceKind::Software,
        _ => false,
    }
}

fn f64_on_a_gpu(device: &TestDevice) -> Result<(), Failed> {
    let error = Device::open(&device.0, 1, Precision::F64).expect_err("GPUs compute in f32");
    assert_eq!(error.exit_status(), 2, "{error}");
    let auto = Device::open(&DeviceChoice::Auto, 1, Precision::F64)?;
    assert!(auto.cpu().is_some_and(|cpu| cpu.precision() == Precision::F64));
    Ok(())
}

fn what_is_not_there_is_69() -> Result<(), Failed> {
    for choice in [DeviceChoice::Name("no such GPU".into()), DeviceChoice::Index(999)] {
        let error = Device::open(&choice, 1, Precision::F32).expect_err("it is not there");
        assert_eq!(error.exit_status(), 69, "{error}");
        assert!(error.to_string().contains("found: "), "{error}");
    }
    Ok(())
}

fn what_is_there_is_listed() -> Result<(), Failed> {
    let output = hepar().args(["devices", "--json"]).output()?;
    assert!(output.status.success(), "{output:?}");
    let list: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    assert!(list["cpu"]["cores"].as_u64().is_some_and(|n| n > 0), "{list}");
    assert!(list["adapters"].is_array() && list["default"].is_string(), "{list}");
    let text = String::from_utf8(hepar().arg("devices").output()?.stdout)?;
    let names = list["adapters"].as_array().into_iter().flatten().chain([&list["cpu"]]);
    for device in names {
        let name = device["name"].as_str().ok_or("a device has no name")?;
        assert!(text.contains(name), "{name} is not in\n{text}");
    }
    assert_eq!(text.matches("(default)").count(), 1, "{text}");
    Ok(())
}
