use super::outline::Inked;
use super::sample::plane;
use super::*;

/// The box of the tests, as far as x, y and z reach, in mm: air around a body of 160 × 120 × 60 mm.
const BOX: [f64; 3] = [200.0, 160.0, 80.0];

/// Voxels of `zooms` over the box, the first one's outer corner at its lowest x, y and z.
fn grid(zooms: [f64; 3]) -> Grid {
    let mut affine = [[0.0; 4]; 4];
    for axis in 0..3 {
        affine[axis][axis] = zooms[axis];
        affine[axis][3] = zooms[axis] / 2.0 - BOX[axis] / 2.0;
    }
    affine[3][3] = 1.0;
    Grid { shape: std::array::from_fn(|axis| (BOX[axis] / zooms[axis]).round() as usize), affine }
}

/// The same voxels stored in another order: axis n of the result is axis `order[n]`, walked backwards where `reversed`.
fn stored_otherwise(grid: &Grid, order: [usize; 3], reversed: [bool; 3]) -> Grid {
    let mut other = Grid { shape: order.map(|axis| grid.shape[axis]), affine: grid.affine };
    for row in 0..3 {
        for (n, &axis) in order.iter().enumerate() {
            let step = grid.affine[row][axis];
            other.affine[row][n] = if reversed[n] { -step } else { step };
            if reversed[n] {
                other.affine[row][3] += step * (grid.shape[axis] - 1) as f64;
            }
        }
    }
    other
}

fn fill<T>(grid: &Grid, of: impl Fn([f64; 3]) -> T) -> Vec<T> {
    let [ni, nj, _] = grid.shape;
    let position = |v: usize| grid.position([v % ni, v / ni % nj, v / (ni * nj)].map(|n| n as f64));
    (0..grid.n_voxels()).map(|voxel| of(position(voxel))).collect()
}

fn within([x, y, z]: [f64; 3], half: [f64; 3], middle: [f64; 3]) -> bool {
    (x - middle[0]).abs() < half[0] && (y - middle[1]).abs() < half[1] && (z - middle[2]).abs() < half[2]
}

/// Air, and a body that is brighter to the left, to the back and upwards, each by its own amount.
fn anatomy(mm: [f64; 3]) -> f32 {
    let [x, y, z] = mm;
    if within(mm, [80.0, 60.0, 30.0], [0.0; 3]) { (500.0 - x - 0.7 * y + 2.0 * z) as f32 } else { 0.0 }
}

/// Edges at x 20 and 52, y −16 and 24, z −22 and 10.
const LESION: ([f64; 3], [f64; 3]) = ([16.0, 20.0, 16.0], [36.0, 4.0, -6.0]);

fn lesion(mm: [f64; 3]) -> u16 {
    if within(mm, LESION.0, LESION.1) { 7 } else { 0 }
}

fn panel<'a>(grid: &'a Grid, values: &'a [f32]) -> Panel<'a> {
    Panel { title: "arterial", unit: "a.u.", grid, values, kind: ColourKind::Grey, range: None }
}

fn outline(lesion: bool) -> Outline<'static> {
    Outline { label: 7, name: "lesion", colour: Some([255, 0, 0]), lesion }
}

fn sheet(panels: &[Panel], outlines: Option<Outlines>) -> Result<Vec<u8>> {
    ContactSheet { title: "Case", remarks: &["unaligned".to_owned()], panels, outlines }.to_png()
}

#[test]
fn the_stored_order_changes_no_byte() {
    let straight = grid([4.0, 4.0, 8.0]);
    let draw = |grid: &Grid, mirrored: f64| {
        let values = fill(grid, |[x, y, z]| anatomy([mirrored * x, y, z]));
        let labels = fill(grid, lesion);
        let outlines = Outlines { grid, labels: &labels, shown: &[outline(true)] };
        sheet(&[panel(grid, &values)], Some(outlines)).unwrap()
    };
    let expected = draw(&straight, 1.0);
    for (order, reversed) in
        [([0, 1, 2], [true, false, true]), ([2, 0, 1], [false; 3]), ([1, 2, 0], [true, true, false])]
    {
        assert!(draw(&stored_otherwise(&straight, order, reversed), 1.0) == expected, "{order:?} {reversed:?}");
    }
    assert!(draw(&straight, -1.0) != expected, "another anatomy is another picture");
}

/// The columns and rows of a plane's pixels above half of the lesion's signal: first and last.
fn bounds(shown: &[Option<f32>], width: usize) -> [usize; 4] {
    let bright = || (0..shown.len()).filter(|&p| shown[p].is_some_and(|value| value > 500.0));
    let (columns, rows) = (|| bright().map(|p| p % width), || bright().map(|p| p / width));
    [columns().min(), columns().max(), rows().min(), rows().max()].map(Option::unwrap)
}

#[test]
fn rows_on_other_grids_show_the_same_place() {
    let fine = grid([2.0, 2.0, 4.0]);
    let signal = |mm| 1000.0 * f32::from(lesion(mm).min(1));
    let values = fill(&fine, |mm| anatomy(mm).min(100.0) + signal(mm));
    let labels = fill(&fine, lesion);
    let outlines = Outlines { grid: &fine, labels: &labels, shown: &[outline(true)] };
    let (planes, heights) = planes(&panel(&fine, &values), Some(&outlines));
    let height = heights[2];
    let show = |grid: &Grid, values: &[f32]| plane(&planes, grid, values, ColourKind::Grey, height).unwrap();
    let expected = bounds(&show(&fine, &values), planes.tile[0]);
    // The picture's columns run to the patient's left (falling x), its rows to the back.
    let mm = |first: f64, last: f64, from: f64| [(first - from), (last - from)].map(|mm| mm / planes.mm_per_pixel);
    let [left, right] = mm(-52.0, -20.0, planes.start[0]);
    let [upper, lower] = mm(-24.0, 16.0, planes.start[1]);
    for (pixel, edge) in expected.into_iter().zip([left, right - 1.0, upper, lower - 1.0]) {
        assert!((pixel as f64 - edge).abs() <= 1.0, "{pixel} {edge}");
    }

    // Four times as coarse, turned on its side and reaching less far.
    let mut coarse = stored_otherwise(&grid([4.0, 4.0, 8.0]), [2, 0, 1], [false, true, false]);
    let values = fill(&coarse, signal);
    let off = |shown: [usize; 4]| (0..4).map(|n| shown[n].abs_diff(expected[n])).max().unwrap();
    let pixel_of_voxel = 4.0 / planes.mm_per_pixel;
    assert!(off(bounds(&show(&coarse, &values), planes.tile[0])) as f64 <= 0.5 * pixel_of_voxel + 1.0);
    coarse.affine[0][3] += 12.0;
    assert!(off(bounds(&show(&coarse, &values), planes.tile[0])) as f64 > 2.0 * pixel_of_voxel, "a shift is seen");
}

/// The ink of the lesion on the plane at `height`, and of how many pixels it is further than one from the lesion's edges.
fn ink(lesion_mark: bool, shift_mm: f64, height: f64) -> (Vec<Inked>, usize) {
    let fine = grid([2.0, 2.0, 4.0]);
    let values = fill(&fine, anatomy);
    let (planes, _) = planes(&panel(&fine, &values), None);
    let mut own = grid([4.0, 4.0, 8.0]);
    let labels = fill(&own, lesion);
    own.affine[0][3] += shift_mm;
    let outlines = Outlines { grid: &own, labels: &labels, shown: &[outline(lesion_mark)] };
    let (mut ink, drawn) = super::outline::draw(&outlines, &planes, height);
    assert_eq!(drawn.len(), usize::from(!ink.is_empty()));
    ink.retain(|inked| inked.colour == [255, 0, 0] && inked.opacity > 0.5);
    let pixel = planes.mm_per_pixel;
    let far = ink.iter().filter(|inked| {
        let [x, y, _] = planes.position(
            [(inked.pixel % planes.tile[0]) as f64 + 0.5, (inked.pixel / planes.tile[0]) as f64 + 0.5],
            height,
        );
        // Signed distances from the outline's four sides, outwards positive; corners are rounded by half a voxel.
        let [out_x, out_y] = [(x - LESION.1[0]).abs() - LESION.0[0], (y - LESION.1[1]).abs() - LESION.0[1]];
        let distance = out_x.max(out_y);
        let corner = out_x > -2.0 && out_y > -2.0;
        distance.abs() > if corner { 2.0 + pixel } else { pixel }
    });
    let far = far.count();
    (ink, far)
}

#[test]
fn outlines_lie_on_the_edges_of_their_label() {
    let (organ, far) = ink(false, 0.0, -4.0);
    assert_eq!(far, 0);
    // All around: 32 + 40 mm twice, at one pixel and a bit.
    assert!(organ.len() > 100, "{}", organ.len());
    let (lesion, far) = ink(true, 0.0, -4.0);
    assert_eq!(far, 0);
    assert!(lesion.len() as f64 > 1.2 * organ.len() as f64, "a lesion's outline is stronger");
    let (moved, far) = ink(false, 8.0, -4.0);
    assert!(far > moved.len() / 4, "labels elsewhere are seen to be elsewhere");
    assert!(ink(true, 0.0, 14.0).0.is_empty(), "no ink above the lesion");
}

#[test]
fn planes_are_slices_of_the_first_panel_and_show_the_lesions() {
    let fine = grid([4.0, 4.0, 4.0]);
    let values = fill(&fine, anatomy);
    let small = |mm: [f64; 3]| u16::from(within(mm, [6.0, 6.0, 3.0], [0.0, 0.0, 26.0]));
    let labels: Vec<u16> = fill(&fine, |mm| if small(mm) == 1 { 9 } else { lesion(mm) });
    let organ = outline(false);
    let spot = Outline { label: 9, lesion: true, ..organ };
    let heights = |shown: &[Outline]| {
        let outlines = Outlines { grid: &fine, labels: &labels, shown };
        let (planes, heights) = planes(&panel(&fine, &values), Some(&outlines));
        heights.iter().map(|&height| planes.z(height).round()).collect::<Vec<f64>>()
    };
    // The organ's voxels lie at −18 to 6 mm: the middles of five parts of that, to the nearest slice, superior first.
    assert_eq!(heights(&[organ]), [2.0, -2.0, -6.0, -10.0, -14.0]);
    let with_spot = heights(&[organ, spot]);
    assert_eq!((with_spot.len(), with_spot[0]), (5, 26.0));
    assert!(!heights(&[organ, Outline { lesion: false, ..spot }]).contains(&26.0), "an organ moves no plane");
}

#[test]
fn a_row_without_an_image_at_a_height_says_so() {
    let whole = grid([4.0, 4.0, 8.0]);
    let values = fill(&whole, anatomy);
    let mut lower = whole.clone();
    lower.shape[2] = 5;
    let part = &values[..lower.n_voxels()];
    let count = |second: &[f32], grid: &Grid| {
        // In colours, so that the tiles' grey is not the image's.
        let second = Panel { kind: ColourKind::Sequential, ..panel(grid, second) };
        let png = sheet(&[panel(&whole, &values), second], None).unwrap();
        let shown = image::load_from_memory(&png).unwrap().to_rgb8();
        assert!(shown.width() <= 1800);
        shown.pixels().filter(|pixel| pixel.0 == [236; 3]).count()
    };
    let (planes, _) = planes(&panel(&whole, &values), None);
    let tile = planes.tile[0] * planes.tile[1];
    let of_first_row = count(&values, &whole);
    // The lower five of ten slices reach up to z = 0: of the columns at 28, 12, 4, −12 and −28 mm three have no image,
    // but for the words there.
    let empty = (count(part, &lower) - of_first_row) as f64 / tile as f64;
    assert!((2.8..3.0).contains(&empty), "{empty}");
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let grid = grid([8.0, 8.0, 8.0]);
    let values = fill(&grid, anatomy);
    let good = panel(&grid, &values);
    assert!(sheet(&[good], None).is_ok());
    assert!(sheet(&[], None).is_err());
    assert!(sheet(&[good, Panel { values: &values[1..], ..good }], None).is_err());
    assert!(sheet(&[Panel { range: Some((1.0, 1.0)), ..good }], None).is_err());
    let outlines = Outlines { grid: &grid, labels: &[7; 3], shown: &[outline(true)] };
    assert!(sheet(&[good], Some(outlines)).is_err());
}

#[test]
fn odd_images_are_drawn() {
    let nothing = Grid { shape: [1, 1, 1], ..grid([8.0, 8.0, 8.0]) };
    let empty = grid([8.0, 8.0, 8.0]);
    let nan = vec![f32::NAN; empty.n_voxels()];
    let labels = vec![0; empty.n_voxels()];
    let far = Grid {
        affine: [[8.0, 0.0, 0.0, 9e3], [0.0, 8.0, 0.0, 0.0], [0.0, 0.0, 8.0, 9e3], [0.0, 0.0, 0.0, 1.0]],
        ..empty
    };
    for first in [panel(&nothing, &[0.0]), panel(&empty, &nan)] {
        for outlines in [
            None,
            Some(Outlines { grid: &empty, labels: &labels, shown: &[outline(true)] }),
            Some(Outlines { grid: &far, labels: &labels, shown: &[] }),
        ] {
            assert!(sheet(&[first, panel(&far, &nan)], outlines).is_ok());
        }
    }
}
