//! A GPU that fails is opened again and gives the same numbers; one that keeps failing is "try again" (75).
//!
//! The faults are made by the feature `fault-injection`.

use libtest_mimic::Trial;

#[cfg(not(all(feature = "gpu", feature = "fault-injection")))]
pub fn trials() -> Vec<Trial> {
    let name = "recovery (built without --features fault-injection)";
    vec![Trial::test(name, || Ok(())).with_ignored_flag(true)]
}

#[cfg(all(feature = "gpu", feature = "fault-injection"))]
pub fn trials() -> Vec<Trial> {
    injected::trials()
}

#[cfg(all(feature = "gpu", feature = "fault-injection"))]
mod injected {
    use hepar::device::{
        Batch, Column, ColumnMut, ColumnSpec, ColumnType, Device, Fault, Gpu, Precision, Row, Shader, Source,
        VoxelKernel,
    };
    use hepar::volume::{Scaling, VoxelType};
    use libtest_mimic::{Failed, Trial};

    use crate::devices::parts::Keep;
    use crate::support::{Count, TestDevice, on_every_gpu};

    pub fn trials() -> Vec<Trial> {
        let mut trials = on_every_gpu("recovery::one_fault_changes_nothing", one_fault_changes_nothing);
        trials.extend(on_every_gpu("recovery::lasting_faults_are_75", lasting_faults_are_75));
        trials
    }

    const N: usize = 300_001;

    /// Doubles a voxel.
    struct Double;

    impl VoxelKernel for Double {
        fn label(&self) -> String {
            "double".into()
        }

        fn columns(&self) -> Vec<ColumnSpec> {
            vec![ColumnSpec { name: "double".into(), kind: ColumnType::F32 }]
        }

        fn run_cpu(&self, _: &Batch, _: Precision, _: &mut [ColumnMut]) {
            unreachable!("for GPUs alone");
        }

        fn shader(&self, _n_obs: usize) -> Option<Shader> {
            Some(Shader {
                body: "
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var voxel = id.x; voxel < batch.n_voxels; voxel += groups.x * WORKGROUP) {
        store_f32(0u, voxel, params[0] * load(0u, voxel));
    }
}"
                .into(),
                params: vec![2.0],
                turns: 1,
            })
        }
    }

    fn gpu(device: &TestDevice, fault: &str) -> Result<Gpu, Failed> {
        match device.open() {
            Device::Gpu(gpu) => Ok(gpu.with_most_voxels(50_000).with_fault(fault.parse::<Fault>()?)),
            Device::Cpu(_) => Err("a GPU is no CPU".into()),
        }
    }

    fn run(gpu: &Gpu, keep: &Keep, progress: &Count) -> hepar::Result<()> {
        let values: Vec<i16> = (0..N).map(|i| (i * 7919) as i16).collect();
        let row = Row { bytes: bytemuck::cast_slice(&values), voxel_type: VoxelType::I16, scaling: Scaling::IDENTITY };
        gpu.run_into(&Double, &Source::new(vec![row], N, None), keep, progress)
    }

    fn one_fault_changes_nothing(device: &TestDevice) -> Result<(), Failed> {
        let want: Vec<f32> = (0..N).map(|i| 2.0 * f32::from((i * 7919) as i16)).collect();
        for fault in ["oom:1", "oom:2", "oom:3", "oom:7", "oom:12", "lost:1", "lost:2", "lost:4", "lost:7"] {
            let gpu = gpu(device, fault)?;
            for what in ["other results", "the device does not work on"] {
                let (keep, progress) = (Keep::until(N), Count::default());
                run(&gpu, &keep, &progress)?;
                for (first, columns) in keep.into_parts(N)? {
                    let want = Column::F32(want[first..first + columns[0].len()].to_vec());
                    assert!(columns == [want], "{fault}: {what}");
                }
                assert_eq!(progress.voxels(), N, "{fault}: each voxel is counted once");
            }
        }
        Ok(())
    }

    fn lasting_faults_are_75(device: &TestDevice) -> Result<(), Failed> {
        for fault in ["oom:1+", "oom:5+", "lost:1+", "lost:3+"] {
            let error = run(&gpu(device, fault)?, &Keep::until(N), &Count::default()).expect_err("it must give up");
            assert_eq!(error.exit_status(), 75, "{fault}: {error}");
            assert!(error.to_string().contains("double on "), "{error}");
        }
        Ok(())
    }
}
