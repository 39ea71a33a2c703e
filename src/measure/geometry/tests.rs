//! Against bodies of known size, and against every pair of outer faces.

use super::*;

fn grid(shape: [usize; 3], columns: [[f64; 3]; 3]) -> Grid {
    let mut affine = [[0.0; 4]; 4];
    for (axis, column) in columns.iter().enumerate() {
        (0..3).for_each(|world| affine[world][axis] = column[world]);
    }
    // The middle of the grid is at 0.
    for row in &mut affine[..3] {
        row[3] = -(0..3).map(|axis| row[axis] * (shape[axis] as f64 - 1.0) / 2.0).sum::<f64>();
    }
    affine[3][3] = 1.0;
    Grid { shape, affine }
}

fn straight(shape: [usize; 3], zooms: [f64; 3]) -> Grid {
    let [x, y, z] = zooms;
    grid(shape, [[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, z]])
}

fn voxels(grid: &Grid, inside: impl Fn([f64; 3]) -> bool) -> Vec<usize> {
    let [ni, nj, _] = grid.shape;
    let centre = |v: usize| grid.position([v % ni, v / ni % nj, v / ni / nj].map(|n| n as f64));
    (0..grid.n_voxels()).filter(|&v| inside(centre(v))).collect()
}

fn ellipsoid(semiaxes: [f64; 3]) -> impl Fn([f64; 3]) -> bool {
    move |at| (0..3).map(|axis| (at[axis] / semiaxes[axis]).powi(2)).sum::<f64>() <= 1.0
}

/// Both diameters from every pair of centres of outer faces, as the definition has it.
fn by_definition(voxels: &[usize], grid: &Grid, axial: usize) -> [f64; 2] {
    let [ni, nj, nk] = grid.shape.map(|n| n as i64);
    let index = |[i, j, k]: [i64; 3]| {
        let within = (0..ni).contains(&i) && (0..nj).contains(&j) && (0..nk).contains(&k);
        within.then_some((i + ni * (j + nj * k)) as usize)
    };
    let mut faces = Vec::new();
    for &voxel in voxels {
        let v = voxel as i64;
        let at = [v % ni, v / ni % nj, v / ni / nj];
        for (axis, step) in [(0, -1), (0, 1), (1, -1), (1, 1), (2, -1), (2, 1)] {
            let mut neighbour = at;
            neighbour[axis] += step;
            if !index(neighbour).is_some_and(|n| voxels.contains(&n)) {
                let mut face = at.map(|n| n as f64);
                face[axis] += step as f64 / 2.0;
                faces.push((at[axial], axis, grid.position(face)));
            }
        }
    }
    let (mut within, mut all) = (0.0f64, 0.0f64);
    for a in &faces {
        for b in &faces {
            let apart = squared(a.2, b.2).sqrt();
            all = all.max(apart);
            if a.0 == b.0 && a.1 != axial && b.1 != axial {
                within = within.max(apart);
            }
        }
    }
    [within, all]
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * b.abs()
}

#[test]
fn one_voxel_is_as_long_as_its_edges() {
    let grid = straight([3, 3, 3], [2.0, 3.0, 5.0]);
    let shape = Shape::of(&[13], &grid);
    assert_eq!((shape.n_voxels, shape.longest_axial_diameter_mm, shape.longest_3d_diameter_mm), (1, 3.0, 5.0));
    assert!(close(shape.volume_ml, 0.030));
    let none = Shape::of(&[], &grid);
    assert!(none.volume_ml == 0.0 && none.longest_axial_diameter_mm.is_nan() && none.longest_3d_diameter_mm.is_nan());
}

/// Centres of voxels lie inside the sphere, and those of outer faces half an edge further out. The voxels fill a ball
/// whose radius is the sphere's to half a voxel's diagonal.
#[test]
fn a_sphere_has_its_diameter_to_a_voxel() {
    // Axial and in space: the largest of scipy 1.17's `pdist` over the centres of outer faces found with numpy.
    let spheres = [
        (4.0, [8.50411665018772, 8.690224392960175]),
        (7.3, [14.945233353815524, 15.221038072352359]),
        (12.0, [24.696558464693013, 24.761260064867457]),
    ];
    for (radius, scipy) in spheres {
        let grid = straight([40, 40, 40], [0.8; 3]);
        let shape = Shape::of(&voxels(&grid, ellipsoid([radius; 3])), &grid);
        let diameters = [shape.longest_axial_diameter_mm, shape.longest_3d_diameter_mm];
        for (diameter, scipy) in diameters.into_iter().zip(scipy) {
            assert!((diameter - 2.0 * radius).abs() <= 0.8, "{diameter} of {}", 2.0 * radius);
            assert!(close(diameter, scipy), "{diameter} is not scipy's {scipy}");
        }
        let of_volume = (shape.volume_ml * 1000.0 * 3.0 / (4.0 * std::f64::consts::PI)).cbrt();
        assert!((of_volume - radius).abs() <= 0.8 * 3.0f64.sqrt() / 2.0, "{of_volume} of {radius}");
    }
}

/// 40 mm from left to right, 24 from front to back, 60 from head to feet, in slices turned by 10° about the first axis.
/// However its axes are stored, the slices are those nearest to axial.
#[test]
fn an_ellipsoid_has_its_axes_to_a_voxel_on_any_grid() {
    let (sin, cos) = 10f64.to_radians().sin_cos();
    let (x, y, z) = ([-1.5, 0.0, 0.0], [0.0, 1.5 * cos, 1.5 * sin], [0.0, -3.0 * sin, 3.0 * cos]);
    let grids = [grid([32, 30, 24], [x, y, z]), grid([32, 24, 30], [x, z, y]), grid([24, 30, 32], [z, y, x])];
    let found = grids.map(|grid| Shape::of(&voxels(&grid, ellipsoid([20.0, 12.0, 30.0])), &grid));
    assert!((found[0].longest_axial_diameter_mm - 40.0).abs() <= 1.5, "{found:?}");
    assert!((found[0].longest_3d_diameter_mm - 60.0).abs() <= 3.0, "{found:?}");
    for other in &found[1..] {
        assert_eq!(other.n_voxels, found[0].n_voxels);
        assert!(close(other.longest_axial_diameter_mm, found[0].longest_axial_diameter_mm), "{found:?}");
        assert!(close(other.longest_3d_diameter_mm, found[0].longest_3d_diameter_mm), "{found:?}");
    }
    // Slices that were not axial would show the long axis.
    let wrongly = straight([32, 30, 48], [1.5; 3]);
    let along_z = Shape::of(&voxels(&wrongly, ellipsoid([20.0, 12.0, 30.0])), &wrongly);
    let turned = Shape::of(&voxels(&wrongly, ellipsoid([20.0, 30.0, 12.0])), &wrongly);
    assert!(turned.longest_axial_diameter_mm > along_z.longest_axial_diameter_mm + 10.0, "{turned:?}, {along_z:?}");
}

/// Regions without any form, in several pieces, at the edge of the grid too, on a sheared grid.
#[test]
fn ragged_regions_have_the_diameters_of_the_definition() {
    let sheared = [[0.3, 0.1, 2.6], [1.7, 0.2, -0.1], [-0.4, 2.1, 0.3]];
    let grid = grid([7, 8, 6], sheared);
    assert_eq!(grid.orientation(), ['S', 'R', 'A']);
    for share in [2u64, 5, 40] {
        for seed in 0..20u64 {
            let mut state = seed * 1_000 + share;
            let mut picked = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33).is_multiple_of(share)
            };
            let region: Vec<usize> = (0..grid.n_voxels()).filter(|_| picked()).collect();
            if region.is_empty() {
                continue;
            }
            let shape = Shape::of(&region, &grid);
            let [axial, all] = by_definition(&region, &grid, 0);
            assert!(close(shape.longest_axial_diameter_mm, axial), "{shape:?}, {axial}, {region:?}");
            assert!(close(shape.longest_3d_diameter_mm, all), "{shape:?}, {all}, {region:?}");
        }
    }
}

#[test]
fn the_comparison_with_the_definition_can_fail() {
    let grid = straight([9, 9, 9], [1.0, 1.0, 1.5]);
    let region = voxels(&grid, ellipsoid([3.0, 2.0, 4.0]));
    let shape = Shape::of(&region, &grid);
    // Another slice direction, and half of the region.
    assert!(!close(shape.longest_axial_diameter_mm, by_definition(&region, &grid, 0)[0]));
    assert!(!close(shape.longest_3d_diameter_mm, by_definition(&region[..region.len() / 2], &grid, 2)[1]));
    assert!(close(shape.longest_3d_diameter_mm, by_definition(&region, &grid, 2)[1]));
}

#[test]
fn the_table_has_a_row_a_region() {
    let grid = straight([3, 1, 1], [10.0; 3]);
    let shapes = shapes(&Regions::new(&[2, 2, 1]), &grid);
    let table = shape_table(&BTreeMap::from([(2, "liver".to_owned())]), &shapes);
    assert_eq!(
        String::from_utf8(table.to_tsv().unwrap()).unwrap(),
        "region\tlabel\tn_voxels\tvolume_ml\tlongest_axial_diameter_mm\tlongest_3d_diameter_mm\n\
         label 1\t1\t1\t1\t10\t10\n\
         liver\t2\t2\t2\t20\t20\n"
    );
}
