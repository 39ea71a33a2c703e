//! The gate: what a header declares is checked here, before anything is allocated or believed.

use std::path::Path;

use super::fields::{Fields, Version};
use super::placement::{Placement, place};
use super::read::ReadOptions;
use crate::volume::{Grid, Scaling, VoxelType};
use crate::{Error, Result};

/// A header that may be believed.
#[derive(Debug, Clone)]
pub(in crate::volume) struct Header {
    pub(super) version: Version,
    pub(in crate::volume) big_endian: bool,
    pub(in crate::volume) single_file: bool,
    /// All dimensions, 1 to 7 of them, fastest first.
    pub(in crate::volume) dims: Vec<usize>,
    /// The stored voxel sizes and steps, one a dimension.
    pub(in crate::volume) pixdim: Vec<f64>,
    pub(in crate::volume) voxel_type: VoxelType,
    pub(in crate::volume) scaling: Scaling,
    /// Where the voxels begin, in the file that holds them.
    pub(in crate::volume) vox_offset: u64,
    /// How many bytes all voxels take.
    pub(in crate::volume) n_bytes: usize,
    pub(in crate::volume) grid: Grid,
    pub(in crate::volume) placement: Placement,
}

impl Header {
    /// Checks every field that reading depends on.
    ///
    /// # Errors
    /// [`Error::Data`] for the first field that breaks a rule.
    pub(super) fn check(path: &Path, fields: &Fields, options: &ReadOptions) -> Result<Self> {
        let dims = dims(path, fields)?;
        let voxel_type = voxel_type(path, fields)?;
        let n_bytes = n_bytes(path, &dims, voxel_type, options)?;
        let vox_offset = vox_offset(path, fields, options)?;
        let scaling = scaling(path, fields, options)?;
        let shape = std::array::from_fn(|axis| dims.get(axis).copied().unwrap_or(1));
        let (affine, placement) = place(path, fields, shape, dims.len(), &options.remarks)?;
        Ok(Self {
            version: fields.version,
            big_endian: fields.big_endian,
            single_file: fields.single_file,
            pixdim: fields.pixdim[1..=dims.len()].to_vec(),
            dims,
            voxel_type,
            scaling,
            vox_offset,
            n_bytes,
            grid: Grid { shape, affine },
            placement,
        })
    }
}

fn dims(path: &Path, fields: &Fields) -> Result<Vec<usize>> {
    let n = match fields.dim[0] {
        n @ 1..=7 => n as usize,
        n => {
            return Err(Error::data(
                path,
                format!("dim[0], the number of dimensions, is {n}, not 1 to 7"),
                "the header is damaged: convert the image again",
            ));
        }
    };
    let dims = fields.dim[1..=n].iter().enumerate().map(|(i, &size)| {
        usize::try_from(size).ok().filter(|&size| size > 0).ok_or_else(|| {
            Error::data(
                path,
                format!("dim[{}] is {size}; every dimension needs at least 1", i + 1),
                "the header is damaged or the image empty: convert it again",
            )
        })
    });
    dims.collect()
}

fn voxel_type(path: &Path, fields: &Fields) -> Result<VoxelType> {
    let refused = |what: &str, remedy: &str| {
        Err(Error::data(path, format!("the voxels are {what} (datatype {})", fields.datatype), remedy))
    };
    let voxel_type = match fields.datatype {
        2 => VoxelType::U8,
        4 => VoxelType::I16,
        8 => VoxelType::I32,
        16 => VoxelType::F32,
        64 => VoxelType::F64,
        256 => VoxelType::I8,
        512 => VoxelType::U16,
        768 => VoxelType::U32,
        1024 => VoxelType::I64,
        1280 => VoxelType::U64,
        1 => return refused("single bits", "save them as uint8"),
        32 | 1792 | 2048 => {
            return refused("complex numbers", "save the magnitude (or real part) alone");
        }
        128 | 2304 => {
            return refused("colours, not measurements", "name the image that they were made from");
        }
        1536 => {
            // Programs store three different formats under this code.
            return refused("128-bit floats, which have no portable form", "save them as float64");
        }
        _ => {
            return refused("of a type that NIfTI does not define", "the header is damaged: convert the image again");
        }
    };
    let bits = 8 * voxel_type.size();
    if i64::from(fields.bitpix) != bits as i64 {
        return Err(Error::data(
            path,
            format!(
                "bitpix is {}, but a voxel of datatype {} ({}) has {bits} bits",
                fields.bitpix,
                fields.datatype,
                voxel_type.name()
            ),
            "the header is damaged: convert the image again, so that no voxel is misread",
        ));
    }
    Ok(voxel_type)
}

fn n_bytes(path: &Path, dims: &[usize], voxel_type: VoxelType, options: &ReadOptions) -> Result<usize> {
    let shape = || dims.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
    let n_bytes = dims
        .iter()
        .try_fold(voxel_type.size(), |product, &size| product.checked_mul(size))
        // Room for the offset and for rounding up, so that later sums cannot overflow.
        .filter(|&n| n <= isize::MAX as usize / 2);
    match n_bytes {
        None => Err(Error::data(
            path,
            format!("{} voxels of {} are more than any memory holds", shape(), voxel_type.name()),
            "the header is damaged: convert the image again",
        )),
        Some(n) if n as u64 > options.max_volume_bytes => Err(Error::data(
            path,
            format!(
                "{} voxels of {} take {n} bytes, more than the limit of {}",
                shape(),
                voxel_type.name(),
                options.max_volume_bytes
            ),
            format!("if the image is that large, raise the limit with --max-volume-bytes {n}"),
        )),
        Some(n) => Ok(n),
    }
}

fn vox_offset(path: &Path, fields: &Fields, options: &ReadOptions) -> Result<u64> {
    /// Larger integers have gaps between them.
    const EXACT: f64 = (1u64 << 53) as f64;
    let offset = fields.vox_offset;
    // The header, and four bytes that announce extensions.
    let least = if fields.single_file { fields.version.header_size() as u64 + 4 } else { 0 };
    if fields.single_file && offset == 0.0 {
        let path = path.display();
        options.remarks.say(format!("{path}: vox_offset is 0, which in a single file means {least}"));
        return Ok(least);
    }
    if offset.fract() == 0.0 && offset >= least as f64 && offset <= EXACT {
        return Ok(offset as u64);
    }
    Err(Error::data(
        path,
        format!("vox_offset, where the voxels begin, is {offset}, not a whole number of at least {least}"),
        "the header is damaged: convert the image again",
    ))
}

fn scaling(path: &Path, fields: &Fields, options: &ReadOptions) -> Result<Scaling> {
    let (slope, inter) = (fields.scl_slope, fields.scl_inter);
    if options.ignore_scaling {
        return Ok(Scaling::IDENTITY);
    }
    if slope == 0.0 {
        if inter != 0.0 {
            let path = path.display();
            options.remarks.say(format!("{path}: scl_slope 0 means no scaling, so scl_inter {inter} is not used"));
        }
        return Ok(Scaling::IDENTITY);
    }
    if !slope.is_finite() || !inter.is_finite() {
        return Err(Error::data(
            path,
            format!("the scaling is not finite: scl_slope {slope}, scl_inter {inter}"),
            "--ignore-scaling reads the stored values as they are",
        ));
    }
    Ok(Scaling { slope, inter })
}
