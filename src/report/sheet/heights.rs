//! At which heights a contact sheet cuts.

/// Most columns of a contact sheet.
const MOST: usize = 5;
/// A lesion is shown where a chosen slice has at least this share of its largest area.
const SHOWN: f64 = 0.7;

/// At most five of the slices, given by their `heights` in mm (ascending or descending), in their order: spread evenly
/// from `extent.0` to `extent.1`, the nearest of them moved to where each lesion is largest, largest lesions first.
/// `areas` has one row a lesion: how much of it lies in each slice.
pub(super) fn choose(heights: &[f64], extent: (f64, f64), areas: &[Vec<f64>]) -> Vec<usize> {
    let even = (0..MOST).map(|n| extent.0 + (extent.1 - extent.0) * (n as f64 + 0.5) / MOST as f64);
    let mut even: Vec<usize> = even.map(|height| nearest(heights, height)).collect();
    even.sort_unstable();
    even.dedup();
    let mut lesions: Vec<(usize, f64, &Vec<f64>)> = areas.iter().filter_map(|areas| largest(areas)).collect();
    // Stable: of equal ones, the first.
    lesions.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut chosen: Vec<usize> = Vec::new();
    for (slice, most, areas) in lesions {
        if chosen.len() == MOST || chosen.iter().any(|&shown| areas[shown] >= SHOWN * most) {
            continue;
        }
        chosen.push(slice);
        let distance = |&other: &usize| (heights[other] - heights[slice]).abs();
        let moved = (0..even.len()).min_by(|&a, &b| distance(&even[a]).total_cmp(&distance(&even[b])));
        if let Some(moved) = moved {
            even.remove(moved);
        }
    }
    chosen.extend(even);
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// The slice nearest to a height; of equally near ones, the first.
pub(super) fn nearest(heights: &[f64], height: f64) -> usize {
    let distance = |n: usize| (heights[n] - height).abs();
    (1..heights.len()).fold(0, |best, n| if distance(n) < distance(best) { n } else { best })
}

/// Where a lesion is largest, and how large it is there; nothing for a lesion that lies in no slice.
fn largest(areas: &Vec<f64>) -> Option<(usize, f64, &Vec<f64>)> {
    let slice = (1..areas.len()).fold(0, |best, n| if areas[n] > areas[best] { n } else { best });
    let most = *areas.get(slice)?;
    (most > 0.0).then_some((slice, most, areas))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slices(n: usize) -> Vec<f64> {
        (0..n).map(|s| 100.0 - 5.0 * s as f64).collect()
    }

    fn lesion(n: usize, areas: &[(usize, f64)]) -> Vec<f64> {
        let mut row = vec![0.0; n];
        for &(slice, area) in areas {
            row[slice] = area;
        }
        row
    }

    #[test]
    fn without_lesions_slices_are_even() {
        // From 102.5 to 2.5 mm: middles of five parts at 92.5, 72.5, …; halfway between two slices the first.
        assert_eq!(choose(&slices(20), (102.5, 2.5), &[]), [1, 5, 9, 13, 17]);
        assert_eq!(choose(&slices(3), (102.5, 87.5), &[]), [0, 1, 2]);
        assert_eq!(choose(&slices(1), (102.5, 97.5), &[]), [0]);
    }

    #[test]
    fn lesions_take_the_place_of_the_nearest_even_slice() {
        let areas = [lesion(20, &[(10, 4.0), (11, 9.0)]), lesion(20, &[(19, 2.0)])];
        assert_eq!(choose(&slices(20), (102.5, 2.5), &areas), [1, 5, 11, 13, 19]);
    }

    #[test]
    fn a_lesion_that_is_seen_already_needs_no_slice_of_its_own() {
        let areas = [lesion(20, &[(11, 9.0)]), lesion(20, &[(11, 3.0), (12, 4.0)])];
        assert_eq!(choose(&slices(20), (102.5, 2.5), &areas), [1, 5, 11, 13, 17]);
        let hardly = [lesion(20, &[(11, 9.0)]), lesion(20, &[(11, 1.0), (12, 4.0)])];
        assert!(choose(&slices(20), (102.5, 2.5), &hardly).contains(&12));
    }

    #[test]
    fn of_many_lesions_the_largest_are_shown() {
        let areas: Vec<_> = (0..8).map(|n| lesion(20, &[(2 * n, 1.0 + n as f64)])).collect();
        assert_eq!(choose(&slices(20), (102.5, 2.5), &areas), [6, 8, 10, 12, 14]);
        assert_eq!(choose(&slices(20), (102.5, 2.5), &[vec![0.0; 20]]), [1, 5, 9, 13, 17]);
    }
}
