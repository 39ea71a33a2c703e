use crate::device::{Column, Cpu, Precision, Row, Source};
use crate::fit::nlls::{NllsKernel, NllsOptions, Problem};
use crate::model::SignalModel;
use crate::simulate::{Noise, Rng, add_noise};
use crate::volume::{Scaling, VoxelType};

const B: [f64; 10] = [0.0, 10.0, 20.0, 40.0, 80.0, 110.0, 140.0, 200.0, 400.0, 800.0];
const N_VOXELS: usize = 300;

/// `[sample][voxel]`, with so much noise that many fits end at bounds, and second starts matter.
fn signals(problem: &Problem) -> Vec<Vec<f32>> {
    let rng = Rng::new(3);
    let mut signals = vec![vec![0.0f32; N_VOXELS]; B.len()];
    for v in 0..N_VOXELS {
        let [a, b] = rng.stream(0).uniforms(v as u64);
        let [c, _] = rng.stream(1).uniforms(v as u64);
        let truth = [1.0, 0.5 + a, 1.5 * b, 0.3 + c];
        signals.iter_mut().zip(problem.program.signals(&truth)).for_each(|(row, signal)| row[v] = signal as f32);
    }
    for (seed, row) in (1..).zip(&mut signals) {
        add_noise(row, 0.05, Noise::Rician, seed);
    }
    signals
}

fn fits(kernel: &NllsKernel, signals: &[Vec<f32>], voxels: std::ops::Range<usize>) -> Vec<Vec<f32>> {
    let row = |row: &'_ Vec<f32>| bytemuck::cast_slice::<f32, u8>(&row[voxels.clone()]).to_vec();
    let bytes: Vec<Vec<u8>> = signals.iter().map(row).collect();
    let rows =
        bytes.iter().map(|bytes| Row { bytes, voxel_type: VoxelType::F32, scaling: Scaling::IDENTITY }).collect();
    let columns = Cpu::new(1, Precision::F32).unwrap().run(kernel, &Source::new(rows, voxels.len(), None));
    let numbers = |column| match column {
        Column::F32(values) => values,
        Column::F64(values) => values.into_iter().map(|x| x as f32).collect(),
        Column::U16(values) => values.into_iter().map(f32::from).collect(),
    };
    columns.into_iter().map(numbers).collect()
}

/// A voxel's fit is the same to the bit whatever voxels are fitted beside it.
#[test]
fn voxels_do_not_see_one_another() {
    let model = SignalModel::builtin("ivim").unwrap();
    let kernel = NllsKernel::new(model, &[B.to_vec()], &NllsOptions::default(), |_| true).unwrap();
    let signals = signals(kernel.problem());
    let together = fits(&kernel, &signals, 0..N_VOXELS);
    for size in [1, 7, 40] {
        for first in (0..N_VOXELS).step_by(size) {
            let voxels = first..(first + size).min(N_VOXELS);
            for (all, some) in together.iter().zip(fits(&kernel, &signals, voxels.clone())) {
                let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&all[voxels.clone()]), bits(&some), "{size} voxels from {first} on");
            }
        }
    }
}
