//! exp, ln and exp2 are good to f32 rounding on every device, and defined at their edges.

use hepar::device::{
    Batch, Column, ColumnMut, ColumnSpec, ColumnType, Device, Precision, Row, Shader, Source, VoxelKernel,
};
use hepar::lanes::{Element, LaneWork, Lanes, run_f32};
use hepar::volume::{Scaling, VoxelType};
use libtest_mimic::{Failed, Trial};

use crate::support::{TestDevice, on_every_device};

pub fn trials() -> Vec<Trial> {
    on_every_device("accuracy::exp_ln_and_exp2", functions_are_accurate)
}

/// exp of the first observation, ln of the second, exp2 of the third.
struct Functions;

struct OnLanes<'a, F>(F, &'a [f32], &'a mut [f32]);

trait Function: Copy {
    fn of<L: Lanes>(self, lanes: L, x: L::V) -> L::V;
}

#[derive(Clone, Copy)]
struct Exp;
#[derive(Clone, Copy)]
struct Ln;
#[derive(Clone, Copy)]
struct Exp2;

impl Function for Exp {
    #[inline(always)]
    fn of<L: Lanes>(self, lanes: L, x: L::V) -> L::V {
        lanes.exp(x)
    }
}

impl Function for Ln {
    #[inline(always)]
    fn of<L: Lanes>(self, lanes: L, x: L::V) -> L::V {
        lanes.ln(x)
    }
}

impl Function for Exp2 {
    #[inline(always)]
    fn of<L: Lanes>(self, lanes: L, x: L::V) -> L::V {
        lanes.exp2_in_range(x)
    }
}

impl<F: Function> LaneWork for OnLanes<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for (&x, to) in self.1.iter().zip(self.2) {
            let mut lane = vec![L::T::of(0.0); L::LANES];
            lanes.store(self.0.of(lanes, lanes.splat(f64::from(x))), &mut lane);
            *to = lane[0].to_f32();
        }
    }
}

impl VoxelKernel for Functions {
    fn label(&self) -> String {
        "exp, ln and exp2".into()
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        let spec = |name: &str| ColumnSpec { name: name.into(), kind: ColumnType::F32 };
        vec![spec("exp"), spec("ln"), spec("exp2")]
    }

    fn run_cpu(&self, batch: &Batch, _: Precision, out: &mut [ColumnMut]) {
        for (obs, column) in out.iter_mut().enumerate() {
            let mut x = vec![0.0; batch.n_voxels()];
            batch.row(obs).load_f32(0, &mut x);
            let ColumnMut::F32(to) = column else { unreachable!("f32 columns") };
            match obs {
                0 => run_f32(OnLanes(Exp, &x, to)),
                1 => run_f32(OnLanes(Ln, &x, to)),
                _ => run_f32(OnLanes(Exp2, &x, to)),
            }
        }
    }

    fn shader(&self, _n_obs: usize) -> Option<Shader> {
        Some(Shader {
            body: "
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var voxel = id.x; voxel < batch.n_voxels; voxel += groups.x * WORKGROUP) {
        store_f32(0u, voxel, exp_accurate(load(0u, voxel)));
        store_f32(1u, voxel, ln_accurate(load(1u, voxel)));
        store_f32(2u, voxel, exp2_in_range(load(2u, voxel)));
    }
}"
            .into(),
            params: Vec::new(),
            turns: 1,
        })
    }
}

/// exp, ln and exp2 of the same values.
fn functions(device: &Device, x: &[f32]) -> [Vec<f32>; 3] {
    let row = || Row { bytes: bytemuck::cast_slice(x), voxel_type: VoxelType::F32, scaling: Scaling::IDENTITY };
    let source = Source::new(vec![row(), row(), row()], x.len(), None);
    match device.run(&Functions, &source, &()).expect("it runs").as_slice() {
        [Column::F32(exp), Column::F32(ln), Column::F32(exp2)] => [exp.clone(), ln.clone(), exp2.clone()],
        other => panic!("three f32 columns, not {other:?}"),
    }
}

/// Largest error in units of the last place of the exact result.
fn worst_ulp(x: &[f32], got: &[f32], exact: impl Fn(f64) -> f64) -> f64 {
    let ulp = |want: f64| {
        let near = (want as f32).abs();
        f64::from(f32::from_bits(near.to_bits() + 1)) - f64::from(near)
    };
    let error = |(&x, &y): (&f32, &f32)| {
        let want = exact(f64::from(x));
        (f64::from(y) - want).abs() / ulp(want)
    };
    x.iter().zip(got).map(error).fold(0.0, f64::max)
}

fn functions_are_accurate(device: &TestDevice) -> Result<(), Failed> {
    let device = device.open();
    let ramp = |from: f32, to: f32| (0..=200_000).map(move |i| from + (to - from) * i as f32 / 2e5);
    let exponents: Vec<f32> = ramp(-87.3, 88.3).chain(ramp(-1.0, 1.0)).collect();
    let [exp, _, _] = functions(&device, &exponents);
    let worst = worst_ulp(&exponents, &exp, f64::exp);
    assert!(worst < 2.0, "exp errs by {worst} ulp");
    let positive: Vec<f32> = exponents.iter().map(|x| x.exp()).chain(ramp(0.5, 2.0)).collect();
    let [_, ln, _] = functions(&device, &positive);
    let worst = worst_ulp(&positive, &ln, f64::ln);
    assert!(worst < 2.0, "ln errs by {worst} ulp");
    let of_two: Vec<f32> = ramp(-126.0, 127.0).chain(ramp(-1.0, 1.0)).collect();
    let [_, _, exp2] = functions(&device, &of_two);
    let worst = worst_ulp(&of_two, &exp2, f64::exp2);
    assert!(worst < 2.0, "exp2 errs by {worst} ulp");
    assert!(worst_ulp(&exponents, &exp, |x| x.exp() * (1.0 + 3e-7)) > 2.0, "canary of exp");
    assert!(worst_ulp(&positive, &ln, |x| x.ln() + 3e-7) > 2.0, "canary of ln");
    assert!(worst_ulp(&of_two, &exp2, |x| x.exp2() * (1.0 + 3e-7)) > 2.0, "canary of exp2");
    edges_are_defined(&device);
    Ok(())
}

fn edges_are_defined(device: &Device) {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    let x = [0.0, -0.0, 1.0, -1.0, -100.0, 100.0, inf, -inf, nan];
    let [exp, ln, _] = functions(device, &x);
    let want_exp = [1.0, 1.0, std::f32::consts::E, (-1.0f32).exp(), 0.0, inf, inf, 0.0, nan];
    let want_ln = [-inf, -inf, 0.0, nan, nan, 100.0f32.ln(), inf, nan, nan];
    for (got, want) in [(exp, want_exp), (ln, want_ln)] {
        for (i, (&got, want)) in got.iter().zip(want).enumerate() {
            let near = got == want || (got - want).abs() <= 2.0 * f32::EPSILON * want.abs();
            assert!(near || (got.is_nan() && want.is_nan()), "of {}: {got}, not {want}", x[i]);
        }
    }
}
