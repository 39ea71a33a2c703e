//! The voxel types that files hold, and their linear scaling to real values.

/// A real voxel type, in native byte order once read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the types")]
pub enum VoxelType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

/// Runs `$body` with `$T` standing for the Rust type of a [`VoxelType`].
#[macro_export]
macro_rules! with_voxel_type {
    ($voxel_type:expr, $T:ident => $body:expr) => {
        match $voxel_type {
            $crate::volume::VoxelType::U8 => {
                type $T = u8;
                $body
            }
            $crate::volume::VoxelType::I8 => {
                type $T = i8;
                $body
            }
            $crate::volume::VoxelType::U16 => {
                type $T = u16;
                $body
            }
            $crate::volume::VoxelType::I16 => {
                type $T = i16;
                $body
            }
            $crate::volume::VoxelType::U32 => {
                type $T = u32;
                $body
            }
            $crate::volume::VoxelType::I32 => {
                type $T = i32;
                $body
            }
            $crate::volume::VoxelType::U64 => {
                type $T = u64;
                $body
            }
            $crate::volume::VoxelType::I64 => {
                type $T = i64;
                $body
            }
            $crate::volume::VoxelType::F32 => {
                type $T = f32;
                $body
            }
            $crate::volume::VoxelType::F64 => {
                type $T = f64;
                $body
            }
        }
    };
}

impl VoxelType {
    /// Size of one voxel in bytes.
    pub fn size(self) -> usize {
        with_voxel_type!(self, T => size_of::<T>())
    }

    /// The name that numpy and nibabel use.
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::U16 => "uint16",
            Self::I16 => "int16",
            Self::U32 => "uint32",
            Self::I32 => "int32",
            Self::U64 => "uint64",
            Self::I64 => "int64",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }
}

/// A Rust type that voxels are stored in.
pub trait Stored: bytemuck::Pod {
    /// The nearest f32.
    fn to_f32(self) -> f32;
    /// The nearest f64.
    fn to_f64(self) -> f64;
}

macro_rules! stored {
    ($($T:ty)*) => {$(
        impl Stored for $T {
            #[inline(always)]
            fn to_f32(self) -> f32 {
                self as f32
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
        }
    )*};
}
stored!(u8 i8 u16 i16 u32 i32 u64 i64 f32 f64);

/// Stored value → real value: `slope · stored + inter`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    /// Factor, never 0.
    pub slope: f64,
    /// Offset.
    pub inter: f64,
}

impl Scaling {
    /// No scaling.
    pub const IDENTITY: Self = Self { slope: 1.0, inter: 0.0 };

    /// The real value of a stored one.
    ///
    /// Nothing is fused, multiplied by 1 or added to 0, so that every bit agrees with nibabel: −0 stays −0, and a NaN
    /// keeps its bits.
    pub fn apply(self, stored: f64) -> f64 {
        let scaled = match self.slope {
            1.0 => stored,
            slope => stored * slope,
        };
        match self.inter {
            0.0 => scaled,
            inter => scaled + inter,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_is_slope_times_stored_plus_inter() {
        let scaling = Scaling { slope: -2.0, inter: 10.0 };
        assert_eq!(scaling.apply(26.0), -42.0);
        assert!(Scaling::IDENTITY.apply(-0.0).is_sign_negative());
        let signalling = 0x7ff2_587f_f00f_bfe7;
        let same = Scaling::IDENTITY.apply(f64::from_bits(signalling));
        assert_eq!(same.to_bits(), signalling);
    }
}
