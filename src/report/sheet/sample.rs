//! The voxels of any grid as pixels of a plane.

use super::super::ColourKind;
use super::plane::{Places, Planes};
use crate::volume::Grid;

/// One plane of a volume, pixel by pixel: nothing outside of the volume, NaN where it has no value. `None` if the plane
/// lies wholly outside.
///
/// A voxel that is larger than a pixel is seen as it is, smaller ones are averaged as far as they are finite; where less
/// than half of a pixel has a value, it has none. Labels are those at the pixels' middles. Nothing is interpolated: through
/// the plane a pixel shows the voxel that the plane cuts.
pub(super) fn plane(
    planes: &Planes,
    grid: &Grid,
    values: &[f32],
    kind: ColourKind,
    height: f64,
) -> Option<Vec<Option<f32>>> {
    let places = planes.onto(grid, height);
    let parts = match kind {
        ColourKind::Categorical => 1,
        // Voxels' edges fall between pixels: each pixel is more than one place.
        _ => places.per_pixel + 1,
    };
    let [width, rows] = planes.tile;
    let pixels = (0..rows).flat_map(|y| (0..width).map(move |x| [x, y]));
    let shown: Vec<Option<f32>> = pixels.map(|at| pixel(&places, values, at, parts)).collect();
    shown.iter().any(Option::is_some).then_some(shown)
}

fn pixel(places: &Places, values: &[f32], at: [usize; 2], parts: usize) -> Option<f32> {
    let (mut inside, mut finite, mut sum) = (0, 0, 0.0);
    for index in places.within(at, parts) {
        let Some(voxel) = places.voxel(index) else { continue };
        inside += 1;
        if values[voxel].is_finite() {
            finite += 1;
            sum += f64::from(values[voxel]);
        }
    }
    let all = parts * parts;
    match (2 * inside < all, 2 * finite < all.min(inside)) {
        (true, _) => None,
        (_, true) => Some(f32::NAN),
        _ => Some((sum / f64::from(finite as u32)) as f32),
    }
}

#[cfg(test)]
mod tests {
    use super::super::plane::Directions;
    use super::*;

    /// Voxels of 2 × 2 × 4 mm as the picture walks, the first at x = y = z = 0.
    fn grid(shape: [usize; 3]) -> Grid {
        let affine = [[-2.0, 0.0, 0.0, 0.0], [0.0, -2.0, 0.0, 0.0], [0.0, 0.0, -4.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
        Grid { shape, affine }
    }

    fn planes(mm_per_pixel: f64, tile: [usize; 2]) -> Planes {
        let directions = Directions::of(&grid([1, 1, 1]));
        Planes { directions, start: [-1.0, -1.0], mm_per_pixel, tile }
    }

    const GREY: ColourKind = ColourKind::Grey;

    #[test]
    fn voxels_larger_than_pixels_are_repeated() {
        let grid = grid([2, 1, 2]);
        let shown = |height| plane(&planes(1.0, [5, 2]), &grid, &[1.0, 5.0, 7.0, 9.0], GREY, height);
        let row = |a, b| [Some(a), Some(a), Some(b), Some(b), None].repeat(2);
        assert_eq!(shown(0.0), Some(row(1.0, 5.0)));
        assert_eq!(shown(-3.0), Some(row(7.0, 9.0)));
        assert_eq!(shown(-6.1), None);
        assert_eq!(shown(2.1), None);
        // Halfway between two slices the upper one; at the volume's upper end there is no upper one.
        assert_eq!(shown(-2.0), Some(row(1.0, 5.0)));
        assert_eq!(shown(2.0), None);
    }

    #[test]
    fn voxels_smaller_than_pixels_are_averaged_and_labels_are_not() {
        let grid = grid([4, 1, 1]);
        let planes = planes(4.0, [2, 1]);
        let values = [1.0, 3.0, 5.0, 9.0];
        // Half of each pixel lies below the one row of voxels.
        let rows_twice = Grid { shape: [4, 2, 1], ..grid };
        let twice: Vec<f32> = values.iter().chain(&values).copied().collect();
        let shown = plane(&planes, &rows_twice, &twice, GREY, 0.0).unwrap();
        // Three places a pixel's edge, the middle one on the edge of two voxels, where the later one is taken.
        let expected = [(1.0 + 3.0 + 3.0) / 3.0, (5.0 + 9.0 + 9.0) / 3.0];
        for (shown, expected) in shown.iter().zip(expected) {
            assert!((shown.unwrap() - expected).abs() < 1e-6);
        }
        let labels = plane(&planes, &rows_twice, &twice, ColourKind::Categorical, 0.0).unwrap();
        assert_eq!(labels, [Some(3.0), Some(9.0)]);
    }

    #[test]
    fn what_has_no_value_is_not_outside() {
        let grid = grid([3, 1, 1]);
        let shown = plane(&planes(2.0, [4, 1]), &grid, &[f32::NAN, 4.0, f32::INFINITY], GREY, 0.0).unwrap();
        assert!(shown[0].unwrap().is_nan() && shown[2].unwrap().is_nan());
        assert_eq!((shown[1], shown[3]), (Some(4.0), None));
    }
}
