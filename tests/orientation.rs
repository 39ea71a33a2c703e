//! Pictures show each voxel where the patient has it, in radiological convention, however the grid is stored.

use std::path::{Path, PathBuf};

use hepar::volume::Grid;
use image::RgbImage;
use libtest_mimic::{Failed, Trial};
use nifti::{IntoNdArray, NiftiObject, ReaderOptions};

use crate::pictures::{HIGH, first_tile, grid, montage, picture, trial, voxel};
use crate::support;

pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "orientation_any_storage_order_is_shown_alike",
            storage_orders,
        ),
        trial(
            "orientation_turned_grids_are_shown_nearest_to_axial",
            turned,
        ),
        trial("orientation_superior_slices_come_first", superior_first),
        support::with_data("orientation_liver_is_on_the_left", liver_on_the_left),
    ]
}

/// Which quarter of the first tile holds most of the pixels of a colour: ("upper" or "lower", "left" or "right").
fn quarter(picture: &RgbImage, colour: [u8; 3]) -> (&'static str, &'static str) {
    let [x, y, width, height] = first_tile(picture);
    let (mut n, mut right, mut lower) = (0, 0, 0);
    for (px, py, pixel) in picture.enumerate_pixels() {
        if (x..x + width).contains(&px) && (y..y + height).contains(&py) && pixel.0 == colour {
            n += 1;
            right += u32::from(px >= x + width / 2);
            lower += u32::from(py >= y + height / 2);
        }
    }
    assert!(n > 200, "the colour does not occur");
    (
        if 2 * lower < n { "upper" } else { "lower" },
        if 2 * right < n { "left" } else { "right" },
    )
}

/// A map that is 1 in the patient's right front quarter, and 0.2 elsewhere.
fn right_front(grid: &Grid) -> Vec<f32> {
    let middle = grid.position(grid.shape.map(|n| (n - 1) as f64 / 2.0));
    let [ni, nj, _] = grid.shape;
    (0..grid.n_voxels())
        .map(|n| {
            let ijk = [n % ni, n / ni % nj, n / ni / nj].map(|i| i as f64);
            let position = grid.position(ijk);
            let inside = position[0] > middle[0] && position[1] > middle[1];
            if inside { 1.0 } else { 0.2 }
        })
        .collect()
}

/// Where the mark in the patient's right front quarter is seen under an affine, marked under another.
fn mark(marked: &Grid, shown: &Grid) -> (&'static str, &'static str) {
    quarter(&picture(&montage(shown, &right_front(marked))), HIGH)
}

fn mirrored(grid: &Grid) -> Grid {
    let mut mirrored = grid.clone();
    mirrored.affine[0] = mirrored.affine[0].map(|x| -x);
    mirrored
}

/// All 48: each order of the axes, each sign.
fn storage_orders() {
    for [x, y, z] in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        for signs in 0..8 {
            let sign = |bit: u8| if signs >> bit & 1 == 0 { 1.0 } else { -1.0 };
            let mut shape = [0; 3];
            let mut affine = [[0.0; 4]; 4];
            for (world, stored, n, mm) in [(0, x, 12, 2.0), (1, y, 10, 2.0), (2, z, 1, 5.0)] {
                shape[stored] = n;
                affine[world][stored] = mm * sign(world as u8);
                affine[world][3] = [31.0, -12.0, 4.0][world];
            }
            affine[3][3] = 1.0;
            let grid = Grid { shape, affine };
            assert_eq!(mark(&grid, &grid), ("upper", "left"), "{affine:?}");
        }
    }
}

fn turned() {
    let (c, s) = (2.0 * 0.4f64.cos(), 2.0 * 0.4f64.sin());
    for affine in [
        [
            [c, -s, 0.0, 9.0],
            [s, c, 0.0, 9.0],
            [0.0, 0.0, 5.0, 9.0],
            [0.0, 0.0, 0.0, 1.0],
        ],
        [
            [-2.0, 0.0, 0.0, 9.0],
            [0.0, -c, -s, 9.0],
            [0.0, -s, c, 9.0],
            [0.0, 0.0, 0.0, 1.0],
        ],
    ] {
        let shape = [12, 10, 1];
        let grid = Grid { shape, affine };
        assert_eq!(mark(&grid, &grid), ("upper", "left"));
        // The same voxels under a mirrored affine are another patient, whose mark is on the other side.
        assert_eq!(mark(&grid, &mirrored(&grid)), ("upper", "right"));
    }
}

fn superior_first() {
    for (up, superior) in [(5.0, 2), (-5.0, 0)] {
        let mut grid = grid([12, 10, 3]);
        grid.affine[2][2] = up;
        let values: Vec<f32> = (0..360)
            .map(|n| if n / 120 == superior { 1.0 } else { 0.2 })
            .collect();
        assert_eq!(
            voxel(&picture(&montage(&grid, &values)), [12, 10], [6, 7]),
            HIGH
        );
        let turned: Vec<f32> = values.iter().rev().copied().collect();
        assert_ne!(
            voxel(&picture(&montage(&grid, &turned)), [12, 10], [6, 7]),
            HIGH
        );
    }
}

/// Labels of a real volume with its sform.
fn read_labels(path: &Path) -> (Grid, Vec<f32>) {
    let object = ReaderOptions::new().read_file(path).unwrap();
    let header = object.header().clone();
    let rows = [header.srow_x, header.srow_y, header.srow_z].map(|row| row.map(f64::from));
    let affine = [rows[0], rows[1], rows[2], [0.0, 0.0, 0.0, 1.0]];
    let labels = object.into_volume().into_ndarray::<f32>().unwrap();
    let shape = [labels.shape()[0], labels.shape()[1], labels.shape()[2]];
    (Grid { shape, affine }, labels.t().iter().copied().collect())
}

fn liver_on_the_left(folder: PathBuf) -> Result<(), Failed> {
    // TotalSegmentator's labels for CT and for MR: spleen 1, liver 5.
    for file in [
        "ct_abdomen/example_seg.nii.gz",
        "mr_abdomen/example_seg_mr.nii.gz",
    ] {
        let (grid, labels) = read_labels(&folder.join(file));
        let middle = grid.shape[2] / 2 * grid.shape[0] * grid.shape[1];
        let slice = middle..middle + grid.shape[0] * grid.shape[1];
        let side = |grid: &Grid, label: f32| {
            // The whole slice is shown, since nothing in it is 0.
            let one: Vec<f32> = labels[slice.clone()]
                .iter()
                .map(|&l| if l == label { 1.0 } else { 0.2 })
                .collect();
            let slice = Grid {
                shape: [grid.shape[0], grid.shape[1], 1],
                ..grid.clone()
            };
            quarter(&picture(&montage(&slice, &one)), HIGH).1
        };
        assert_eq!(
            (side(&grid, 5.0), side(&grid, 1.0)),
            ("left", "right"),
            "{file}"
        );
        let grid = mirrored(&grid);
        assert_eq!(
            (side(&grid, 5.0), side(&grid, 1.0)),
            ("right", "left"),
            "{file} mirrored"
        );
    }
    Ok(())
}
