//! Regions drawn by others: whole numbers a voxel, and what they are called.

use std::collections::BTreeMap;
use std::path::Path;

use super::beside::{TextTable, beside};
use super::{Grid, Image, ReadOptions, nearest, read};
use crate::remarks::Remarks;
use crate::{Error, Result};

/// Voxels converted at once.
const CHUNK: usize = 16 * 1024;

/// A label image on the grid of the images it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// One label a voxel of the target grid, i fastest; 0 is background.
    pub values: Vec<u16>,
    /// What labels are called, where a table says so.
    pub names: BTreeMap<u16, String>,
    /// What colours labels have (red, green, blue), where a table says so.
    pub colours: BTreeMap<u16, [u8; 3]>,
}

impl Labels {
    /// The voxels that have a label, by their place in rising order, and the labels of these voxels alone.
    pub fn without_background(&self) -> (Vec<u32>, Self) {
        let labelled = self.values.iter().enumerate().filter(|&(_, &label)| label != 0);
        let (voxels, values) = labelled.map(|(voxel, &label)| (voxel as u32, label)).unzip();
        (voxels, Self { values, names: self.names.clone(), colours: self.colours.clone() })
    }
}

/// Reads a label image onto `target`, by nearest neighbour where its own grid is another, and the names and colours beside it.
///
/// They come from `<stem>_dseg.tsv` or `<stem>.tsv`, tab-separated with the columns `index` and `name`, and perhaps
/// `color` as `#rrggbb` (BIDS). What is no colour is warned of and passed over.
///
/// # Errors
/// Those of [`read()`], and [`Error::Data`] for a voxel that holds no whole number of 0 to 65,535, for more than one
/// volume, or for labels none of which lies in the target.
pub fn read_labels(path: &Path, target: &Grid, options: &ReadOptions) -> Result<Labels> {
    let image = read(path, options)?;
    let values = on_grid(&image, target)?;
    let (names, colours) = read_looks(path, &options.remarks)?;
    Ok(Labels { values, names, colours })
}

fn on_grid(image: &Image, target: &Grid) -> Result<Vec<u16>> {
    let values = nearest::onto(&whole_numbers(image)?, &image.grid, target);
    if values.iter().all(|&label| label == 0) {
        return Err(Error::data(
            &image.path,
            "has no label inside the image it is for",
            "give labels drawn on this examination",
        ));
    }
    Ok(values)
}

/// The voxels of a 3D image, each checked to be a label.
fn whole_numbers(image: &Image) -> Result<Vec<u16>> {
    if image.n_volumes() != 1 {
        return Err(Error::data(
            &image.path,
            format!("holds {} volumes, labels are one", image.n_volumes()),
            "give a 3D label image",
        ));
    }
    let n_voxels = image.grid.n_voxels();
    let mut labels = Vec::with_capacity(n_voxels);
    let mut reals = vec![0.0; CHUNK];
    for first in (0..n_voxels).step_by(CHUNK) {
        let chunk = &mut reals[..CHUNK.min(n_voxels - first)];
        image.row(0).load_f64(first, chunk);
        for (offset, &real) in chunk.iter().enumerate() {
            let label = real as u16;
            if f64::from(label) != real {
                return Err(not_a_label(image, first + offset, real));
            }
            labels.push(label);
        }
    }
    Ok(labels)
}

fn not_a_label(image: &Image, voxel: usize, real: f64) -> Error {
    let [ni, nj, _] = image.grid.shape;
    let (i, j, k) = (voxel % ni, voxel / ni % nj, voxel / ni / nj);
    Error::data(
        &image.path,
        format!("voxel ({i}, {j}, {k}) holds {real}; labels are whole numbers from 0 to 65535"),
        "give a label image, resampled by nearest neighbour if at all",
    )
}

type Looks = (BTreeMap<u16, String>, BTreeMap<u16, [u8; 3]>);

/// Names and colours from the table beside an image.
fn read_looks(image: &Path, remarks: &Remarks) -> Result<Looks> {
    for ending in ["_dseg.tsv", ".tsv"] {
        let path = beside(image, ending);
        if !path.is_file() {
            continue;
        }
        let table = TextTable::read(&path)?;
        let (Some(index), Some(name)) = (table.find("index"), table.find("name")) else {
            remarks.say(format!(
                "{}: not used for the labels' names: it lacks the columns index and name",
                path.display()
            ));
            continue;
        };
        let (mut names, mut colours) = Looks::default();
        for row in &table.rows {
            let label = row[index].parse().map_err(|_| {
                Error::data(
                    &path,
                    format!("the index {:?} is no whole number from 0 to 65535", row[index]),
                    "give each label's number in the column index",
                )
            })?;
            names.insert(label, row[name].clone());
            match table.find("color").map(|color| row[color].as_str()) {
                // What BIDS has for a missing value.
                None | Some("" | "n/a") => {}
                Some(text) => match colour(text) {
                    Some(colour) => drop(colours.insert(label, colour)),
                    None => remarks.say(format!(
                        "{}: the color {text:?} of label {label} is not used: write it as #rrggbb",
                        path.display()
                    )),
                },
            }
        }
        return Ok((names, colours));
    }
    Ok(Looks::default())
}

/// The colour that `#rrggbb` stands for.
fn colour(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    // A sign, which numbers may have, is no digit.
    let digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits)?;
    let [_, rgb @ ..] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some(rgb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::VoxelType;

    fn grid(shape: [usize; 3], zooms: [f64; 3], offset: [f64; 3]) -> Grid {
        let mut affine = [[0.0; 4]; 4];
        for axis in 0..3 {
            affine[axis][axis] = zooms[axis];
            affine[axis][3] = offset[axis];
        }
        affine[3][3] = 1.0;
        Grid { shape, affine }
    }

    #[test]
    fn the_same_grid_keeps_every_label() {
        let g = grid([2, 2, 1], [1.0; 3], [0.0; 3]);
        let image = Image::from_values("l", g.clone(), VoxelType::F32, &[0.0f32, 1.0, 65535.0, 5.0]);
        let mut near = g;
        near.affine[0][3] = 0.09;
        assert_eq!(on_grid(&image, &near).unwrap(), [0, 1, 65535, 5]);
    }

    /// By hand: target centres at 0, 1, 2, … mm lie in label voxels of 2 mm with centres at 0.5, 2.5, … mm; the
    /// target's last voxel, at 4 mm, lies past the last label voxel, which ends at 3.5 mm.
    #[test]
    fn another_grid_takes_the_nearest_label() {
        let own = grid([2, 1, 1], [2.0; 3], [0.5, 0.0, 0.0]);
        let image = Image::from_values("l", own, VoxelType::U8, &[3u8, 7]);
        let target = grid([5, 1, 1], [1.0, 2.0, 2.0], [0.0; 3]);
        assert_eq!(on_grid(&image, &target).unwrap(), [3, 3, 7, 7, 0]);
        let mirrored = grid([5, 1, 1], [-1.0, 2.0, 2.0], [4.0, 0.0, 0.0]);
        assert_eq!(on_grid(&image, &mirrored).unwrap(), [0, 7, 7, 3, 3]);
    }

    #[test]
    fn ties_do_not_flicker_with_the_rounding_of_affines() {
        let own = grid([8, 1, 1], [1.0; 3], [0.0; 3]);
        let image = Image::from_values("l", own, VoxelType::U8, &[1u8, 2, 3, 4, 5, 6, 7, 8]);
        for error in [-1e-6, 0.0, 1e-6] {
            let target = grid([3, 1, 1], [2.0, 1.0, 1.0], [0.5 + error, 0.0, 0.0]);
            assert_eq!(on_grid(&image, &target).unwrap(), [2, 4, 6], "{error}");
        }
    }

    #[test]
    fn what_is_no_label_is_named_with_its_voxel() {
        let g = grid([2, 2, 1], [1.0; 3], [0.0; 3]);
        for wrong in [1.5f32, -1.0, 65536.0, f32::NAN, f32::INFINITY] {
            let image = Image::from_values("l", g.clone(), VoxelType::F32, &[0.0, 1.0, wrong, 1.0]);
            let error = on_grid(&image, &g).unwrap_err();
            assert_eq!(error.exit_status(), 65);
            assert!(error.to_string().contains("voxel (0, 1, 0)"), "{error}");
        }
    }

    #[test]
    fn labels_of_another_place_or_of_several_volumes_are_refused() {
        let g = grid([2, 1, 1], [1.0; 3], [0.0; 3]);
        let image = Image::from_values("l", g.clone(), VoxelType::U8, &[1u8, 1]);
        let far = grid([2, 1, 1], [1.0; 3], [100.0, 0.0, 0.0]);
        assert_eq!(on_grid(&image, &far).unwrap_err().exit_status(), 65);
        let series = Image::from_values("l", g.clone(), VoxelType::U8, &[1u8, 1, 1, 1]);
        assert_eq!(on_grid(&series, &g).unwrap_err().exit_status(), 65);
    }

    #[test]
    fn what_is_no_colour_is_passed_over() {
        assert_eq!(colour("#Dd8201"), Some([0xdd, 0x82, 0x01]));
        for text in ["", "red", "dd8201", "#dd820", "#dd82011", "#+d8201", "#gg0000", "#ddé1"] {
            assert_eq!(colour(text), None, "{text}");
        }
        let folder = tempfile::tempdir().unwrap();
        let table = "index\tname\tcolor\n1\ta\tred\n2\tb\tn/a\n3\tc\t#010203\n";
        std::fs::write(folder.path().join("x_dseg.tsv"), table).unwrap();
        let (names, colours) = read_looks(&folder.path().join("x.nii.gz"), &Remarks::default()).unwrap();
        assert_eq!((names.len(), colours), (3, BTreeMap::from([(3, [1, 2, 3])])));
    }

    #[test]
    fn names_come_from_the_table_beside() {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("x.nii.gz");
        assert!(read_looks(&image, &Remarks::default()).unwrap().0.is_empty());
        std::fs::write(folder.path().join("x.tsv"), "b\tT\n0\t1\n").unwrap();
        assert!(read_looks(&image, &Remarks::default()).unwrap().0.is_empty(), "a table of another kind");
        let table = "index\tname\tcolor\n1\tspleen\t#ff0000\n5\tliver, left\t#00ff00\n";
        std::fs::write(folder.path().join("x_dseg.tsv"), table).unwrap();
        let (names, colours) = read_looks(&image, &Remarks::default()).unwrap();
        assert_eq!(names[&5], "liver, left");
        assert_eq!(names.len(), 2);
        assert_eq!(colours, BTreeMap::from([(1, [255, 0, 0]), (5, [0, 255, 0])]));
        std::fs::write(folder.path().join("x_dseg.tsv"), "index\tname\n-1\ta\n").unwrap();
        assert_eq!(read_looks(&image, &Remarks::default()).unwrap_err().exit_status(), 65);
    }
}
