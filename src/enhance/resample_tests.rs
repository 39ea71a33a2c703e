//! Linear fields are reproduced, a grid onto itself changes nothing, and outside is NaN.

use super::*;
use crate::device::Cpu;
use crate::volume::Image;

fn grid(shape: [usize; 3], affine: [[f64; 4]; 3]) -> Grid {
    let [x, y, z] = affine;
    Grid { shape, affine: [x, y, z, [0.0, 0.0, 0.0, 1.0]] }
}

fn oblique() -> Grid {
    let affine = [[1.9, 0.2, -0.4, -30.0], [-0.1, 2.1, 0.9, -20.0], [0.3, -0.5, 4.8, 10.0]];
    grid([31, 17, 9], affine)
}

/// A field that is linear in mm.
fn field([x, y, z]: [f64; 3]) -> f64 {
    500.0 + 1.5 * x - 2.25 * y + 0.5 * z
}

fn positions(grid: &Grid) -> impl Iterator<Item = [f64; 3]> {
    let [ni, nj, _] = grid.shape;
    (0..grid.n_voxels()).map(move |v| grid.position([v % ni, v / ni % nj, v / (ni * nj)].map(|i| i as f64)))
}

fn sampled(grid: &Grid) -> Image {
    let values: Vec<f64> = positions(grid).map(field).collect();
    Image::from_values("field", grid.clone(), VoxelType::F64, &values)
}

fn cpu(threads: usize) -> Device {
    Device::Cpu(Cpu::new(threads, Precision::F32).unwrap())
}

fn resampled(image: &Image, target: &Grid) -> Vec<f32> {
    Resampling::new(&image.grid, target).run(&cpu(2), image.row(0), &()).unwrap()
}

#[test]
fn a_linear_field_is_reproduced() {
    let source = oblique();
    // A finer, turned grid that lies inside.
    let target = grid([20, 11, 7], [[1.1, 0.3, 0.0, -10.0], [-0.2, 1.3, 0.1, -9.0], [0.1, 0.0, 2.7, 20.0]]);
    let got = resampled(&sampled(&source), &target);
    let worst = |shift: f64| {
        let off = |(p, &v): ([f64; 3], &f32)| (field([p[0] + shift, p[1], p[2]]) - f64::from(v)).abs();
        positions(&target).zip(&got).map(off).fold(0.0, f64::max)
    };
    assert!(got.iter().all(|v| v.is_finite()));
    // f32 holds values near 500 to 3e-5; snapping to centres adds 1e-6 voxels of some 5 a voxel.
    assert!(worst(0.0) < 5e-5, "{}", worst(0.0));
    assert!(worst(1e-3) > 1e-3, "a field shifted by a micrometre must be noticed");
}

#[test]
fn a_grid_onto_itself_changes_nothing_not_even_beside_nan() {
    let g = oblique();
    let mut values: Vec<f32> = (0..g.n_voxels()).map(|v| ((v * 7919) % 1000) as f32).collect();
    for v in [0, 500, g.n_voxels() - 1] {
        values[v] = f32::NAN;
    }
    let image = Image::from_values("x", g.clone(), VoxelType::F32, &values);
    let got = resampled(&image, &g);
    let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&got), bits(&values));
}

#[test]
fn a_voxel_is_a_box_and_outside_is_nan() {
    let unit = |n, step, first| grid([n, 1, 1], [[step, 0.0, 0.0, first], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
    let image = Image::from_values("x", unit(3, 1.0, 0.0), VoxelType::I16, &[10i16, 20, 40]);
    // Positions -0.75, -0.5, -0.25, ... 2.75.
    let got = resampled(&image, &unit(15, 0.25, -0.75));
    let want = [10.0, 10.0, 10.0, 12.5, 15.0, 17.5, 20.0, 25.0, 30.0, 35.0, 40.0, 40.0, 40.0];
    assert!(got[0].is_nan() && got[14].is_nan());
    assert_eq!(got[1..14], want);
}

#[test]
fn scaling_is_applied() {
    let g = oblique();
    let mut image = Image::from_values("x", g.clone(), VoxelType::U8, &vec![3u8; g.n_voxels()]);
    image.scaling = Scaling { slope: 2.0, inter: -1.0 };
    assert!(resampled(&image, &g).iter().all(|&v| v == 5.0));
}

#[test]
fn neither_threads_nor_slabs_change_a_bit() {
    let image = sampled(&oblique());
    let target = grid([40, 40, 11], [[1.3, 0.1, 0.0, -33.0], [0.0, 1.2, 0.0, -22.0], [0.0, 0.1, 3.9, 8.0]]);
    let run = |threads, slab_voxels| {
        let resampling = Resampling::new(&image.grid, &target).with_slab_voxels(slab_voxels);
        let out = resampling.run(&cpu(threads), image.row(0), &()).unwrap();
        out.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    };
    let want = run(1, SLAB_VOXELS);
    assert!(want.iter().any(|&bits| f32::from_bits(bits).is_nan()), "some of the target lies outside");
    for (threads, slab_voxels) in [(8, SLAB_VOXELS), (2, 1), (2, 31 * 17 * 4)] {
        assert_eq!(run(threads, slab_voxels), want);
    }
}

#[test]
fn slabs_cover_every_pair_of_slices() {
    for nk in [1, 2, 3, 9] {
        for slices in [0, 2, 3, 20] {
            let g = grid([5, 4, nk], [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
            let slabs = Resampling::new(&g, &g).with_slab_voxels(20 * slices).slabs();
            let within = |a: usize, b: usize| slabs.iter().any(|s| s.contains(&a) && s.contains(&b));
            assert!((0..nk).all(|k| within(k, (k + 1).min(nk - 1))), "{nk} {slabs:?}");
            assert!(slabs.iter().all(|s| s.end <= nk && s.len() <= slices.max(2)), "{nk} {slabs:?}");
        }
    }
}

#[test]
fn the_shader_is_given_what_it_says() {
    assert!(include_str!("../../shaders/resample.wgsl").contains(&format!("// given: {}", wgsl_constants())));
}
