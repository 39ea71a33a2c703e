//! What a lane holds.

use std::fmt::Debug;

use crate::volume::Stored;

/// The type of a lane.
pub trait Element:
    bytemuck::Pod
    + PartialOrd
    + Debug
    + Send
    + Sync
    + std::ops::Add<Output = Self>
    + std::ops::AddAssign
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
{
    /// Distance between 1 and the next larger number.
    const EPSILON: f64;
    /// The nearest value to a stored voxel or a constant.
    fn of(stored: impl Stored) -> Self;
    /// The nearest f32.
    fn to_f32(self) -> f32;
    /// The nearest f64.
    fn to_f64(self) -> f64;
    /// Neither NaN nor infinite.
    fn is_finite(self) -> bool;
    /// This number over another.
    fn over(self, other: Self) -> Self;
    /// The nearest to it between two others.
    fn within(self, low: Self, high: Self) -> Self;
}

macro_rules! element {
    ($T:ident, $of:ident) => {
        impl Element for $T {
            const EPSILON: f64 = $T::EPSILON as f64;
            #[inline(always)]
            fn of(stored: impl Stored) -> Self {
                stored.$of()
            }
            #[inline(always)]
            fn to_f32(self) -> f32 {
                self as f32
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $T::is_finite(self)
            }
            #[inline(always)]
            fn over(self, other: Self) -> Self {
                self / other
            }
            #[inline(always)]
            fn within(self, low: Self, high: Self) -> Self {
                self.max(low).min(high)
            }
        }
    };
}
element!(f32, to_f32);
element!(f64, to_f64);
