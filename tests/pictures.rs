//! Pictures show each value in its colour, the key says which, and the same values always give the same picture.

mod odd;

use hepar::report::{ColourKind, CurvePlot, Montage, Spacing};
use hepar::volume::Grid;
use image::RgbImage;
use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    vec![
        trial("pictures_voxels_have_the_colours_of_their_values", colours),
        trial("pictures_bar_spans_the_range_and_marks_what_is_beyond", bar),
        trial("pictures_voxels_keep_their_proportions", proportions),
        trial("pictures_the_same_values_give_the_same_bytes", same_bytes),
        trial("pictures_odd_maps_are_drawn", odd::odd_maps),
        trial("pictures_impossible_maps_are_refused", odd::impossible_maps),
        trial("pictures_bear_the_research_use_line", research_use),
    ]
}

/// A promise that needs nothing but itself.
pub fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

pub const WHITE: [u8; 3] = [255; 3];
/// The ends of viridis, and its grey for no value.
const LOW: [u8; 3] = [0x44, 0x01, 0x54];
pub const HIGH: [u8; 3] = [0xfd, 0xe7, 0x25];
const NO_VALUE: [u8; 3] = [112; 3];
/// Columns before the tiles, and between them and the bar.
pub const MARGIN: u32 = 28;

/// A grid whose stored axes are the picture's: columns to the patient's left, rows to the back, slices downwards.
pub fn grid(shape: [usize; 3]) -> Grid {
    let affine = [
        [-2.0, 0.0, 0.0, 31.0],
        [0.0, -2.0, 0.0, -12.0],
        [0.0, 0.0, -5.0, 4.0],
        [0.0, 0.0, 0.0, 1.0],
    ];
    Grid { shape, affine }
}

pub fn montage<'a>(grid: &'a Grid, values: &'a [f32]) -> Montage<'a> {
    Montage {
        title: "A map",
        unit: "mm²/s",
        grid,
        values,
        range: Some((0.0, 1.0)),
        kind: ColourKind::Sequential,
    }
}

pub fn decode(png: &[u8]) -> RgbImage {
    image::load_from_memory_with_format(png, image::ImageFormat::Png)
        .unwrap()
        .to_rgb8()
}

pub fn picture(montage: &Montage) -> RgbImage {
    decode(&montage.to_png().unwrap())
}

/// Left, top, width and height of the first tile: along its left and lower edges it has no white words.
pub fn first_tile(picture: &RgbImage) -> [u32; 4] {
    let inked = |x: u32, y: u32| picture.get_pixel(x, y).0 != WHITE;
    let down = |top: u32| {
        (top..picture.height())
            .take_while(|&y| inked(MARGIN, y))
            .count() as u32
    };
    let top = (0..picture.height()).find(|&y| down(y) > 50).unwrap();
    let height = down(top);
    let width = (MARGIN..picture.width())
        .take_while(|&x| inked(x, top + height - 1))
        .count();
    [MARGIN, top, width as u32, height]
}

/// The colour in the middle of a voxel of the first tile, which is `columns` × `rows` large.
pub fn voxel(picture: &RgbImage, [columns, rows]: [u32; 2], [column, row]: [u32; 2]) -> [u8; 3] {
    let [x, y, width, height] = first_tile(picture);
    let middle = |start, length, n, of| start + (2 * n + 1) * length / (2 * of);
    picture
        .get_pixel(
            middle(x, width, column, columns),
            middle(y, height, row, rows),
        )
        .0
}

fn colours() {
    // 0.2 · 255 = 51 and 0.5 · 255 = 127.5: the 52nd and the 129th colour of matplotlib's viridis.
    let cases = [
        (0.0, LOW),
        (0.2, [0x41, 0x44, 0x87]),
        (0.5, [0x21, 0x91, 0x8c]),
        (1.0, HIGH),
        (7.0, HIGH),
        (-7.0, LOW),
        (f32::NAN, NO_VALUE),
        (f32::INFINITY, NO_VALUE),
    ];
    let grid = grid([8, 6, 1]);
    let mut values = vec![0.9; 48];
    for (place, (value, _)) in cases.iter().enumerate() {
        values[8 + place] = *value;
        values[32 + place] = *value;
    }
    let shown = picture(&montage(&grid, &values));
    for (column, (value, colour)) in cases.iter().enumerate() {
        for row in [1, 4] {
            assert_eq!(
                voxel(&shown, [8, 6], [column as u32, row]),
                *colour,
                "{value}"
            );
        }
    }
}

/// The colours down the middle of the bar.
fn bar_colours(picture: &RgbImage) -> Vec<[u8; 3]> {
    let [x, top, width, height] = first_tile(picture);
    let middle = x + width + MARGIN + 12;
    // The unit stands in the first rows.
    (top + 20..top + height)
        .map(|y| picture.get_pixel(middle, y).0)
        .skip_while(|&colour| colour == WHITE)
        .take_while(|&colour| colour != WHITE)
        .collect()
}

fn bar() {
    let grid = grid([8, 6, 1]);
    let bar_of = |values: &[f32]| bar_colours(&picture(&montage(&grid, values)));
    let inside = bar_of(&[0.5; 48]);
    // A pixel of the outline at either end, then the ends of the range.
    assert_eq!((inside[1], inside[inside.len() - 2]), (HIGH, LOW));
    let green = |colour: &[u8; 3]| u32::from(colour[1]);
    let falls = inside[1..inside.len() - 1]
        .windows(2)
        .all(|w| green(&w[0]) >= green(&w[1]));
    assert!(falls, "the bar runs through the scale once");

    let mut values = [0.5; 48];
    values[20] = 2.0;
    let above = bar_of(&values);
    assert_eq!(
        above.len(),
        inside.len() + 18,
        "a point at the upper end alone"
    );
    assert!(above[4..20].iter().all(|&colour| colour == HIGH));
    values[21] = -2.0;
    assert_eq!(bar_of(&values).len(), inside.len() + 36);
}

fn proportions() {
    // Voxels of 2 × 4 mm.
    let mut tall = grid([12, 10, 1]);
    tall.affine[1][1] = -4.0;
    let [.., width, height] = first_tile(&picture(&montage(&tall, &[0.5; 120])));
    assert!((f64::from(width) / f64::from(height) - 24.0 / 40.0).abs() < 0.005);
    let square = grid([12, 10, 1]);
    let [.., width, height] = first_tile(&picture(&montage(&square, &[0.5; 120])));
    assert!((f64::from(width) / f64::from(height) - 12.0 / 10.0).abs() < 0.005);
}

fn same_bytes() {
    let grid = grid([31, 23, 7]);
    let mut values: Vec<f32> = (0..grid.n_voxels())
        .map(|n| (n * n % 97) as f32 / 97.0)
        .collect();
    let draw = |values: &[f32]| montage(&grid, values).to_png().unwrap();
    let first = draw(&values);
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        assert!(pool.install(|| draw(&values)) == first, "{threads} threads");
    }
    values[1000] += 0.1;
    assert!(draw(&values) != first, "another value is another picture");
}

/// Rows at the foot of a picture that bear ink, and how far the ink reaches.
fn foot(picture: &RgbImage) -> (u32, u32) {
    let dark = |x: u32, y: u32| picture.get_pixel(x, y).0.iter().all(|&c| c < 160);
    let rows = picture.height() - 42..picture.height() - 12;
    let inked = rows
        .clone()
        .filter(|&y| (0..picture.width()).any(|x| dark(x, y)));
    let reach = (0..picture.width())
        .rev()
        .find(|&x| rows.clone().any(|y| dark(x, y)));
    (inked.count() as u32, reach.unwrap_or(0))
}

fn research_use() {
    let grid = grid([1, 1, 1]);
    let plot = CurvePlot {
        title: "",
        subtitle: "",
        across: ["time after injection", "s"],
        spacing: Spacing::Even,
        quantity: "signal",
        unit: "",
        band: "",
        curves: &[],
        phases: &[],
        zero: false,
    };
    for shown in [
        picture(&montage(&grid, &[1.0])),
        decode(&plot.to_png().unwrap()),
    ] {
        let (rows, reach) = foot(&shown);
        // A line of text as long as the sentence, not cut at the edge.
        assert!((10..25).contains(&rows), "{rows} rows");
        assert!(
            (550..shown.width() - MARGIN / 2).contains(&reach),
            "to {reach}"
        );
    }
    let blank = RgbImage::from_pixel(800, 300, image::Rgb(WHITE));
    assert_eq!(foot(&blank), (0, 0));
}
