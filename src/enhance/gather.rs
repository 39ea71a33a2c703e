//! Bringing the images of one examination together: read, acquired alike, and on one grid.

use std::path::Path;

use super::protocol::{self, Acquired};
use super::resample::Resampling;
use crate::device::Device;
use crate::volume::{Grid, Image, ReadOptions, Sidecar, VoxelType, read, read_sidecar};
use crate::{Error, Result};

/// Largest distance of any point of two grids, in voxels, up to which they count as one.
pub const SAME_GRID_WITHIN_VOXELS: f64 = 0.1;

/// What is allowed to differ between the images of an examination.
#[derive(Debug, Clone, Default)]
pub struct GatherOptions {
    /// How files are read.
    pub read: ReadOptions,
    /// Whether images on another grid are resampled.
    pub resample: bool,
    /// Whether images of another protocol are taken.
    pub allow_mismatch: bool,
}

/// An image of one volume on the grid of the examination's first.
#[derive(Debug)]
pub struct Member {
    /// The voxels; the path is that of the file, resampled or not.
    pub image: Image,
    /// sha256 of the file.
    pub sha256: String,
    /// Whether it was resampled.
    pub resampled: bool,
}

/// Reads images of one volume each; the first decides about protocol and grid.
pub fn gather(paths: &[&Path], options: &GatherOptions, device: &Device) -> Result<Vec<Member>> {
    let images = paths.iter().map(|path| single(read(path, &options.read)?));
    let images: Vec<Image> = images.collect::<Result<_>>()?;
    let sidecars = paths.iter().map(|path| read_sidecar(path));
    check_protocols(paths, &sidecars.collect::<Result<Vec<_>>>()?, options)?;
    let Some(reference) = images.first() else {
        return Err(Error::Internal("no image to gather".into()));
    };
    let (path, grid) = (reference.path.clone(), reference.grid.clone());
    images.into_iter().map(|image| onto(&path, &grid, image, options.resample, device)).collect()
}

/// An image of one volume.
pub(crate) fn single(image: Image) -> Result<Image> {
    match image.n_volumes() {
        1 => Ok(image),
        n => Err(Error::data(
            &image.path,
            format!("holds {n} volumes; one is needed"),
            "split it into a file a phase, or give a series to `hepar enhance --series FILE --times FILE`",
        )),
    }
}

/// Holds each image's sidecar against the first's, and warns of what a person should know.
fn check_protocols(paths: &[&Path], sidecars: &[Option<Sidecar>], options: &GatherOptions) -> Result<()> {
    let acquired = |i: usize| Acquired { path: paths[i], sidecar: sidecars[i].as_ref().map(Sidecar::keys) };
    for i in 1..paths.len() {
        for note in protocol::check(acquired(0), acquired(i), options.allow_mismatch)? {
            options.read.remarks.say(note);
        }
    }
    Ok(())
}

/// Brings an image onto the grid of the reference at `path`.
pub(crate) fn onto(path: &Path, grid: &Grid, image: Image, resample: bool, device: &Device) -> Result<Member> {
    let sha256 = image.sha256()?.unwrap_or_default().to_owned();
    let Some(difference) = difference(grid, &image.grid) else {
        return Ok(Member { image, sha256, resampled: false });
    };
    if !resample {
        return Err(Error::data(
            &image.path,
            format!("is not on the grid of {}: {difference}", path.display()),
            "--resample takes it there by linear interpolation; register the images if the patient moved",
        ));
    }
    let values = Resampling::new(&image.grid, grid).run(device, image.row(0), &())?;
    let outside = values.iter().filter(|v| v.is_nan()).count();
    image.remarks.say(format!(
        "{}: resampled onto the grid of {} ({difference}); {outside} of {} voxels lie outside of it and have no value",
        image.path.display(),
        path.display(),
        values.len(),
    ));
    let mut resampled = Image::from_values("", grid.clone(), VoxelType::F32, &values);
    (resampled.path, resampled.remarks) = (image.path, image.remarks);
    Ok(Member { image: resampled, sha256, resampled: true })
}

/// How `other` differs from `grid`, in words, if by more than [`SAME_GRID_WITHIN_VOXELS`].
fn difference(grid: &Grid, other: &Grid) -> Option<String> {
    let shape = |g: &Grid| g.shape.map(|n| n.to_string()).join(" × ");
    if grid.shape != other.shape {
        return Some(format!("{} voxels against {}", shape(other), shape(grid)));
    }
    let (corner, voxels) = grid.furthest_corner(other);
    (voxels > SAME_GRID_WITHIN_VOXELS).then(|| {
        let (here, there) = (grid.position(corner), other.position(corner));
        let mm = (0..3).map(|axis| (here[axis] - there[axis]).powi(2)).sum::<f64>().sqrt();
        let [i, j, k] = corner;
        format!(
            "they are up to {voxels:.2} voxels ({mm:.2} mm) apart, at the corner ({i}, {j}, {k}); \
             {SAME_GRID_WITHIN_VOXELS} voxels is the limit"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(shift: f64) -> Grid {
        let affine = [[2.0, 0.0, 0.0, shift], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
        Grid { shape: [10, 10, 5], affine }
    }

    #[test]
    fn a_tenth_of_a_voxel_is_the_same_grid_and_more_is_described() {
        assert_eq!(difference(&grid(0.0), &grid(0.19)), None);
        let text = difference(&grid(0.0), &grid(0.5)).unwrap();
        assert!(text.contains("0.25 voxels (0.50 mm) apart"), "{text}");
        // Slices 1 % thicker: the far corner is 0.045 voxels off, then 0.18 with 4 %.
        let mut thicker = grid(0.0);
        thicker.affine[2][2] = 3.03;
        assert_eq!(difference(&grid(0.0), &thicker), None);
        thicker.affine[2][2] = 3.12;
        assert!(difference(&grid(0.0), &thicker).unwrap().contains("0.18 voxels"));
    }

    #[test]
    fn another_shape_is_another_grid() {
        let mut other = grid(0.0);
        other.shape[2] = 6;
        assert_eq!(difference(&grid(0.0), &other).unwrap(), "10 × 10 × 6 voxels against 10 × 10 × 5");
    }

    #[test]
    fn a_series_is_no_phase() {
        let series = Image::from_values("x.nii", grid(0.0), VoxelType::U8, &[0u8; 1000]);
        let error = single(series).unwrap_err();
        assert_eq!(error.exit_status(), 65);
        assert!(error.to_string().contains("2 volumes"), "{error}");
    }
}
