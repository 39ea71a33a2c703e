//! Whether a map's value can be trusted: the same decisions on lanes and in WGSL.
//!
//! Of each map and voxel one thing is said, the first of: an image is not finite, a guard failed, there is no value,
//! the value is not plausible.

use std::ops::Range;

use super::eval::{Register, VECTORS};
use super::kernel::Instance;
use super::wgsl::literal;
use crate::device::ColumnMut;
use crate::lanes::{Element, Lanes};

const BAD_INPUT: u16 = 1;
const GUARD: u16 = 2;
const OUT_OF_RANGE: u16 = 4;
const NO_VALUE: u16 = 8;

/// A bit of a status map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct StatusBit {
    /// The bit's value.
    pub bit: u16,
    /// A short name.
    pub name: &'static str,
    /// What it means where it is set.
    pub meaning: &'static str,
}

/// The bits of the `status` of maps by formula, for sidecars; 0 means computed without remark. A bit is set if it
/// holds for any of the maps that were computed together.
pub fn status_bits() -> &'static [StatusBit] {
    &[
        StatusBit {
            bit: BAD_INPUT,
            name: "bad_input",
            meaning: "an image is not finite here: the maps that use it are NaN",
        },
        StatusBit { bit: GUARD, name: "guard_failed", meaning: "what must be positive is not: the map is NaN" },
        StatusBit {
            bit: OUT_OF_RANGE,
            name: "out_of_range",
            meaning: "the value lies outside the map's plausible range; it is kept",
        },
        StatusBit { bit: NO_VALUE, name: "no_value", meaning: "the formula has no finite value here: the map is NaN" },
    ]
}

/// A block of a map as it will be written, and the block's status so far.
pub(super) struct Finished<L: Lanes> {
    lanes: L,
    values: Vec<L::T>,
    remarks: Vec<L::T>,
    remarked: bool,
    status: Vec<u16>,
}

impl<L: Lanes> Finished<L> {
    #[inline(always)]
    pub(super) fn new(lanes: L) -> Self {
        let zeros = vec![L::T::of(0.0); VECTORS * L::LANES];
        Self { lanes, values: zeros.clone(), status: vec![0; zeros.len()], remarks: zeros, remarked: false }
    }

    /// Starts a block.
    #[inline(always)]
    pub(super) fn clear(&mut self) {
        self.status.fill(0);
    }

    /// Decides about a map, given what its group wanted.
    #[inline(always)]
    pub(super) fn map<'r>(&mut self, map: &Instance, wanted: impl Fn(usize) -> &'r Register<L>)
    where
        L: 'r,
    {
        let l = self.lanes;
        let value = wanted(0);
        let [low, high] = bounds(map);
        let (low, high) = (l.splat(low), l.splat(high));
        let (zero, infinity) = (l.splat(0.0), l.splat(f64::INFINITY));
        let largest = l.splat(f64::from(f32::MAX));
        let [bad_input, guard, out_of_range, no_value] =
            [BAD_INPUT, GUARD, OUT_OF_RANGE, NO_VALUE].map(|bit| l.splat(f64::from(bit)));
        let mut remarked = l.lt(zero, zero);
        for (i, &v) in value.iter().enumerate() {
            let inside = l.and(l.le(low, v), l.le(v, high));
            // A map may be stored in f32, whatever it is computed in.
            let mut written = l.le(l.abs(v), largest);
            let mut remark = l.select(inside, zero, out_of_range);
            remark = l.select(written, remark, no_value);
            for g in 1..=map.n_guards {
                let g = wanted(g)[i];
                let passed = l.and(l.lt(zero, g), l.lt(g, infinity));
                remark = l.select(passed, remark, guard);
                written = l.and(written, passed);
            }
            for image in map.n_guards + 1..=map.n_guards + map.n_images {
                let finite = l.lt(l.abs(wanted(image)[i]), infinity);
                remark = l.select(finite, remark, bad_input);
                written = l.and(written, finite);
            }
            let v = l.select(written, v, l.splat(f64::NAN));
            l.store(v, &mut self.values[i * L::LANES..]);
            l.store(remark, &mut self.remarks[i * L::LANES..]);
            remarked = l.or(remarked, l.lt(zero, remark));
        }
        self.remarked = l.any(remarked);
    }

    /// Writes the map, and adds what was said about it to the status.
    #[inline(always)]
    pub(super) fn store_map(&mut self, out: &mut ColumnMut, voxels: Range<usize>) {
        out.store(voxels.start, &self.values[..voxels.len()]);
        if self.remarked {
            for (status, &remark) in self.status.iter_mut().zip(&self.remarks) {
                *status |= remark.to_f32() as u16;
            }
        }
    }

    /// Writes the block's status.
    #[inline(always)]
    pub(super) fn store_status(&self, out: &mut ColumnMut, voxels: Range<usize>) {
        if let ColumnMut::U16(out) = out {
            let n = voxels.len();
            out[voxels].copy_from_slice(&self.status[..n]);
        }
    }
}

/// The plausible range; without one, everything.
fn bounds(map: &Instance) -> [f64; 2] {
    map.valid.unwrap_or([f64::NEG_INFINITY, f64::INFINITY])
}

/// The same decisions in WGSL, for the map in a column, with the names of what its group wanted.
pub(super) fn wgsl(map: &Instance, column: usize, wanted: &[String]) -> String {
    let value = &wanted[0];
    let (guards, images) = wanted[1..].split_at(map.n_guards);
    let all = |test: &str, names: &[String]| {
        let tests: Vec<_> = names.iter().map(|name| format!("{test}({name})")).collect();
        tests.join(" && ")
    };
    let mut remarks = Vec::new();
    if !images.is_empty() {
        remarks.push((format!("!({})", all("is_finite", images)), BAD_INPUT));
    }
    if !guards.is_empty() {
        remarks.push((format!("!({})", all("is_positive", guards)), GUARD));
    }
    remarks.push((format!("!is_finite({value})"), NO_VALUE));
    let mut text = String::from("        ");
    for (condition, bit) in remarks {
        text += &format!(
            "if {condition} {{\n            store_nan({column}u, voxel);\n            status |= {bit}u;\n        }} else "
        );
    }
    text += &format!("{{\n            store_f32({column}u, voxel, {value});\n");
    if let Some([low, high]) = map.valid {
        let (low, high) = (literal(low), literal(high));
        text += &format!("            status |= select(0u, {OUT_OF_RANGE}u, {value} < {low} || {value} > {high});\n");
    }
    text + "        }\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_differ_and_have_names() {
        let bits = status_bits();
        let all = bits.iter().fold(0, |all, bit| all | bit.bit);
        assert_eq!(all.count_ones() as usize, bits.len());
        for bit in bits {
            assert_eq!(bit.bit.count_ones(), 1);
            assert!(!bit.name.is_empty() && !bit.meaning.is_empty());
        }
    }
}
