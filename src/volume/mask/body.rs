//! Where the body is: a threshold, its largest piece, no holes.

const BINS: usize = 256;

/// The part of the values, at either end, that is cut off before the threshold is sought.
const TAIL: f64 = 0.01;

/// The body in a volume of `shape`; `None` if there is no contrast.
pub(super) fn find(values: &[f32], shape: [usize; 3]) -> Option<Vec<bool>> {
    let threshold = threshold(values)?;
    let bright: Vec<bool> = values.iter().map(|&v| v > threshold).collect();
    let mut body = largest_piece(&bright, shape);
    let slice = shape[0] * shape[1];
    body.chunks_mut(slice).for_each(|slice| fill_holes(slice, shape[0]));
    Some(body)
}

fn threshold(values: &[f32]) -> Option<f32> {
    let mut finite: Vec<f32> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let last = finite.len().checked_sub(1)?;
    let tail = (TAIL * last as f64) as usize;
    let mut ranked = |rank: usize| *finite.select_nth_unstable_by(rank, f32::total_cmp).1;
    let (mut floor, mut ceiling) = (ranked(tail), ranked(last - tail));
    if floor >= ceiling {
        (floor, ceiling) = (ranked(0), ranked(last));
    }
    let range = f64::from(ceiling) - f64::from(floor);
    if range <= 0.0 {
        return None;
    }
    let mut counts = [0u64; BINS];
    for &v in &finite {
        let part = ((f64::from(v) - f64::from(floor)) / range).clamp(0.0, 1.0);
        counts[(part.sqrt() * (BINS - 1) as f64) as usize] += 1;
    }
    // The lower edge of the first bin of the bright class, back through the square root.
    let edge = otsu(&counts) as f64 / (BINS - 1) as f64;
    Some((f64::from(floor) + edge.powi(2) * range) as f32)
}

/// The first bin of the upper class that makes the variance between two classes largest.
fn otsu(counts: &[u64; BINS]) -> usize {
    let total: f64 = counts.iter().map(|&n| n as f64).sum();
    let weighted = |(bin, &n): (usize, &u64)| bin as f64 * n as f64;
    let total_sum: f64 = counts.iter().enumerate().map(weighted).sum();
    let (mut below, mut sum_below) = (0.0, 0.0);
    let (mut best, mut best_variance) = (1, 0.0);
    for bin in 1..BINS {
        below += counts[bin - 1] as f64;
        sum_below += (bin - 1) as f64 * counts[bin - 1] as f64;
        let above = total - below;
        if below == 0.0 || above == 0.0 {
            continue;
        }
        let difference = sum_below / below - (total_sum - sum_below) / above;
        let variance = below * above * difference.powi(2);
        if variance > best_variance {
            (best, best_variance) = (bin, variance);
        }
    }
    best
}

/// The largest set of voxels joined by faces.
fn largest_piece(inside: &[bool], shape: [usize; 3]) -> Vec<bool> {
    let mut seen = vec![false; inside.len()];
    let mut largest = Vec::new();
    for start in 0..inside.len() {
        if inside[start] && !seen[start] {
            let piece = flood(start, inside, &mut seen, shape);
            if piece.len() > largest.len() {
                largest = piece;
            }
        }
    }
    let mut out = vec![false; inside.len()];
    largest.into_iter().for_each(|voxel| out[voxel] = true);
    out
}

/// All voxels of `inside` joined to `start` by faces; marks them as seen.
fn flood(start: usize, inside: &[bool], seen: &mut [bool], shape: [usize; 3]) -> Vec<usize> {
    let strides = [1, shape[0], shape[0] * shape[1]];
    seen[start] = true;
    let mut piece = vec![start];
    let mut next = 0;
    while let Some(&voxel) = piece.get(next) {
        next += 1;
        for (stride, n) in strides.into_iter().zip(shape) {
            let index = voxel / stride % n;
            let before = (index > 0).then(|| voxel - stride);
            let after = (index + 1 < n).then(|| voxel + stride);
            for neighbour in [before, after].into_iter().flatten() {
                if inside[neighbour] && !seen[neighbour] {
                    seen[neighbour] = true;
                    piece.push(neighbour);
                }
            }
        }
    }
    piece
}

/// Puts inside what is outside but not joined to the slice's edge.
fn fill_holes(slice: &mut [bool], ni: usize) {
    let nj = slice.len() / ni;
    let outside: Vec<bool> = slice.iter().map(|&inside| !inside).collect();
    let mut reached = vec![false; slice.len()];
    for pixel in 0..slice.len() {
        let (i, j) = (pixel % ni, pixel / ni);
        let at_edge = i == 0 || j == 0 || i + 1 == ni || j + 1 == nj;
        if at_edge && outside[pixel] && !reached[pixel] {
            flood(pixel, &outside, &mut reached, [ni, nj, 1]);
        }
    }
    slice.iter_mut().zip(reached).for_each(|(inside, reached)| *inside = !reached);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disc of signal with a dark hole and, apart from it, a bright speck, over noise; two slices.
    fn scene() -> (Vec<f32>, Vec<bool>, [usize; 3]) {
        let shape = [32, 32, 2];
        let (mut values, mut body) = (Vec::new(), Vec::new());
        for v in 0..32 * 32 * 2 {
            let (x, y) = ((v % 32) as f32 - 15.5, (v / 32 % 32) as f32 - 15.5);
            let radius = x.hypot(y);
            let noise = ((v * 7919) % 13) as f32;
            let speck = v % 32 == 0 && v / 32 % 32 < 3;
            values.push(match radius {
                _ if speck => 5000.0,
                r if r < 3.0 => noise,
                r if r < 11.0 => 300.0 + 20.0 * noise,
                _ => noise,
            });
            body.push(radius < 11.0);
        }
        (values, body, shape)
    }

    #[test]
    fn the_body_is_found_whole_and_alone() {
        let (values, body, shape) = scene();
        assert_eq!(find(&values, shape).unwrap(), body);
    }

    #[test]
    fn the_comparison_sees_a_missing_step() {
        let (values, body, shape) = scene();
        let threshold = threshold(&values).unwrap();
        let bright: Vec<bool> = values.iter().map(|&v| v > threshold).collect();
        assert_ne!(bright, body, "speck and hole");
        assert_ne!(largest_piece(&bright, shape), body, "hole");
    }

    #[test]
    fn values_below_0_and_not_finite_ones_do_no_harm() {
        let (mut values, mut body, shape) = scene();
        values.iter_mut().for_each(|v| *v -= 1024.0);
        values[500] = f32::NAN;
        values[501] = f32::NEG_INFINITY;
        let found = find(&values, shape).unwrap();
        body[500] = found[500];
        body[501] = found[501];
        assert_eq!(found, body);
    }

    #[test]
    fn a_flat_image_has_no_body() {
        assert_eq!(find(&[2.0; 8], [2, 2, 2]), None);
        assert_eq!(find(&[f32::NAN; 8], [2, 2, 2]), None);
    }

    #[test]
    fn lines_wrap_into_no_neighbour() {
        // The end of a line and the start of the next are neighbours in memory only.
        let inside = [false, false, true, true, true, false];
        assert_eq!(largest_piece(&inside, [3, 2, 1]), [false, false, false, true, true, false]);
    }
}
