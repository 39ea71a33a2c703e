//! What a fit has to say about each voxel, as a bit mask: 0 means fitted without remark.

/// Samples ≤ 0 or not finite were left out.
pub const SAMPLES_DROPPED: u16 = 1;
/// Not fitted: too few usable samples, or bad samples where none are allowed. All values are NaN.
pub const BAD_INPUT: u16 = 2;
/// Not fitted: the usable samples do not determine the parameters. All values are NaN.
pub const SINGULAR: u16 = 4;
/// The ADC is negative: noise or motion, kept as it is.
pub const NEGATIVE: u16 = 8;
/// The iteration limit was reached; the values are those of the last iteration.
pub const ITERATION_LIMIT: u16 = 16;
/// Outside the mask: not fitted. All values are NaN.
pub const NOT_ASKED_FOR: u16 = 32;

/// A parameter lies at one of its bounds.
pub const AT_BOUND: u16 = 64;

/// Each bit with its meaning, for sidecars and help.
pub const BITS: [(u16, &str); 7] = [
    (SAMPLES_DROPPED, "samples <= 0 or not finite were left out"),
    (BAD_INPUT, "not fitted (NaN): too few usable samples"),
    (SINGULAR, "not fitted (NaN): the usable samples do not determine the parameters"),
    (NEGATIVE, "negative ADC, kept as it is"),
    (ITERATION_LIMIT, "iteration limit reached"),
    (NOT_ASKED_FOR, "outside the mask: not fitted (NaN)"),
    (AT_BOUND, "a parameter lies at one of its bounds"),
];

#[cfg(test)]
mod tests {
    use super::BITS;

    #[test]
    fn bits_are_consecutive() {
        for (i, (bit, meaning)) in BITS.iter().enumerate() {
            assert_eq!(*bit, 1 << i, "{meaning}");
        }
    }
}
