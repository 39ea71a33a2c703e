//! Which voxels are worked on.

mod body;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::series::GRID_TOLERANCE_VOXELS;
use super::{Grid, Image, ReadOptions, nearest, read};
use crate::{Error, Result};

/// The form of `--mask`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum MaskChoice {
    /// Every voxel.
    #[default]
    None,
    /// The body: see [`Mask::of_body`].
    Auto,
    /// The voxels of an image that are not 0.
    File(PathBuf),
    /// The same of an image that must be on the grid of what it masks.
    OnGrid(PathBuf),
}

impl FromStr for MaskChoice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "none" => Self::None,
            "auto" => Self::Auto,
            path => Self::File(path.into()),
        })
    }
}

impl MaskChoice {
    /// As in a sidecar, where no path belongs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Auto => "auto",
            Self::File(_) | Self::OnGrid(_) => "file",
        }
    }

    /// The mask for images over `target`; `None` means every voxel. `image` is the file that `values` come from, for
    /// messages; `values` gives the image in which a body is looked for.
    pub fn mask(
        &self,
        target: &Grid,
        image: &Path,
        values: impl FnOnce() -> Vec<f32>,
        options: &ReadOptions,
    ) -> Result<Option<Mask>> {
        match self {
            Self::None => Ok(None),
            Self::Auto => Mask::of_body(&values(), target, image).map(Some),
            Self::File(path) => Mask::of_image(&read(path, options)?, target).map(Some),
            Self::OnGrid(path) => {
                let image = read(path, options)?;
                if image.grid.max_distance_voxels(target) > GRID_TOLERANCE_VOXELS {
                    let problem = "this mask lies on another grid than the images that it is for";
                    return Err(Error::data(path, problem, "give a mask drawn on these images, or leave mask out"));
                }
                Mask::of_image(&image, target).map(Some)
            }
        }
    }
}

/// Voxels inside and outside, never all outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    inside: Vec<bool>,
}

impl Mask {
    /// The voxels of a 3D image that are neither 0 nor NaN; by nearest neighbour, with a warning, where its grid is
    /// another.
    ///
    /// # Errors
    /// [`Error::Data`] for more than one volume, or if nothing is inside.
    pub fn of_image(image: &Image, target: &Grid) -> Result<Self> {
        if image.n_volumes() != 1 {
            return Err(Error::data(
                &image.path,
                format!("holds {} volumes, a mask is one", image.n_volumes()),
                "give a 3D mask",
            ));
        }
        let mut values = vec![0.0f64; image.grid.n_voxels()];
        image.row(0).load_f64(0, &mut values);
        let own: Vec<bool> = values.iter().map(|&v| v != 0.0 && !v.is_nan()).collect();
        drop(values);
        if image.grid.max_distance_voxels(target) > GRID_TOLERANCE_VOXELS {
            image.remarks.say(format!(
                "{}: this mask lies on another grid than the images: it is resampled by nearest neighbour",
                image.path.display()
            ));
        }
        let inside = nearest::onto(&own, &image.grid, target);
        Self::new(inside).ok_or_else(|| {
            Error::data(
                &image.path,
                "has no voxel other than 0 inside the images",
                "give a mask drawn on this examination, or --mask none",
            )
        })
    }

    /// The body in an image: what is brighter than Otsu's threshold, its largest piece, without holes.
    ///
    /// 1. Values are cut to their 1st and 99th percentile and counted from there; the square root makes noise in air
    ///    and in the body alike, and keeps bright vessels and fluid from drawing the threshold up.
    /// 2. Otsu's threshold over 256 bins (Otsu 1979, doi:10.1109/TSMC.1979.4310076).
    /// 3. The largest piece joined by faces, in 3D.
    /// 4. In each k-slice, what that piece encloses (joined by edges) is filled.
    ///
    /// # Errors
    /// [`Error::Data`] if all values are the same or none is finite.
    pub fn of_body(values: &[f32], grid: &Grid, image: &Path) -> Result<Self> {
        body::find(values, grid.shape).and_then(Self::new).ok_or_else(|| {
            Error::data(
                image,
                "no body is found in it: all its values are the same, or none is finite",
                "give a mask file, or --mask none",
            )
        })
    }

    fn new(inside: Vec<bool>) -> Option<Self> {
        inside.contains(&true).then_some(Self { inside })
    }

    /// One answer a voxel, i fastest.
    pub fn inside(&self) -> &[bool] {
        &self.inside
    }

    /// The voxels inside, rising: the form that [`crate::device::Source`] takes.
    pub fn picked(&self) -> Vec<u32> {
        (0u32..).zip(&self.inside).filter_map(|(voxel, &inside)| inside.then_some(voxel)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::VoxelType;

    fn grid(shape: [usize; 3], zoom: f64) -> Grid {
        let mut affine = [[0.0; 4]; 4];
        (0..3).for_each(|axis| affine[axis][axis] = zoom);
        affine[3][3] = 1.0;
        Grid { shape, affine }
    }

    #[test]
    fn what_is_not_0_is_inside() {
        let g = grid([5, 1, 1], 1.0);
        let values = [0.0f32, -1.0, f32::NAN, 0.5, 0.0];
        let image = Image::from_values("m", g.clone(), VoxelType::F32, &values);
        let mask = Mask::of_image(&image, &g).unwrap();
        assert_eq!(mask.inside(), [false, true, false, true, false]);
        assert_eq!(mask.picked(), [1, 3]);
    }

    #[test]
    fn a_mask_on_a_coarser_grid_is_resampled() {
        let image = Image::from_values("m", grid([2, 1, 1], 2.0), VoxelType::U8, &[1u8, 0]);
        let mask = Mask::of_image(&image, &grid([4, 1, 1], 1.0)).unwrap();
        assert_eq!(mask.picked(), [0]);
    }

    #[test]
    fn a_mask_that_must_be_on_the_grid_is_refused_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.nii");
        crate::volume::write_nifti(&path, &grid([2, 1, 1], 2.0), 1, crate::volume::MapData::U16(&[1, 0])).unwrap();
        let of = |choice: MaskChoice, g: &Grid| choice.mask(g, &path, Vec::new, &ReadOptions::default());
        let here = of(MaskChoice::OnGrid(path.clone()), &grid([2, 1, 1], 2.0)).unwrap().unwrap();
        assert_eq!(here.picked(), [0]);
        for elsewhere in [grid([4, 1, 1], 1.0), grid([2, 1, 1], 1.0)] {
            assert!(of(MaskChoice::File(path.clone()), &elsewhere).is_ok());
            let error = of(MaskChoice::OnGrid(path.clone()), &elsewhere).unwrap_err();
            assert!(error.exit_status() == 65 && error.to_string().contains("another grid"), "{error}");
        }
    }

    #[test]
    fn an_empty_mask_is_an_error() {
        let g = grid([2, 1, 1], 1.0);
        let image = Image::from_values("m", g.clone(), VoxelType::U8, &[0u8, 0]);
        assert_eq!(Mask::of_image(&image, &g).unwrap_err().exit_status(), 65);
        let flat = Mask::of_body(&[1.0, 1.0], &g, Path::new("x.nii"));
        assert_eq!(flat.unwrap_err().exit_status(), 65);
    }
}
