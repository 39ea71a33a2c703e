//! The operators on lanes, with the edges that [`super::operator`] defines.

use super::operator::Unary;
use crate::lanes::{Element, Lanes};

/// The smallest normal number of the lanes' type; what is nearer to 0 counts as 0.
#[inline(always)]
fn smallest_normal<L: Lanes>(l: L) -> L::V {
    l.splat(match size_of::<L::T>() {
        4 => f64::from(f32::MIN_POSITIVE),
        _ => f64::MIN_POSITIVE,
    })
}

/// `value` where the condition holds, else NaN.
#[inline(always)]
fn only_where<L: Lanes>(l: L, condition: L::M, value: L::V) -> L::V {
    l.select(condition, value, l.splat(f64::NAN))
}

#[inline(always)]
pub(super) fn div<L: Lanes>(l: L, a: L::V, b: L::V) -> L::V {
    only_where(l, l.le(smallest_normal(l), l.abs(b)), l.div(a, b))
}

#[inline(always)]
pub(super) fn log<L: Lanes>(l: L, x: L::V) -> L::V {
    only_where(l, l.le(smallest_normal(l), x), l.ln(x))
}

/// Terms of the series of eˣ − 1 that matter for |x| < ½, in f32 and in f64.
const TERMS: [usize; 2] = [8, 15];

#[inline(always)]
pub(super) fn expm1<L: Lanes>(l: L, x: L::V) -> L::V {
    let terms = if size_of::<L::T>() == 4 { TERMS[0] } else { TERMS[1] };
    // x·(1 + x/2·(1 + x/3·(1 + ...)))
    let mut series = l.splat(1.0);
    for n in (2..=terms + 1).rev() {
        series = l.mul_add(l.mul(x, l.splat(1.0 / n as f64)), series, l.splat(1.0));
    }
    let far = l.sub(l.exp(x), l.splat(1.0));
    l.select(l.lt(l.abs(x), l.splat(0.5)), l.mul(x, series), far)
}

/// Whether a number counts as 0; not so for NaN.
#[inline(always)]
fn is_zero<L: Lanes>(l: L, x: L::V) -> L::M {
    l.lt(l.abs(x), smallest_normal(l))
}

#[inline(always)]
pub(super) fn sign<L: Lanes>(l: L, x: L::V) -> L::V {
    let zero = l.splat(0.0);
    let below = l.select(l.lt(x, zero), l.splat(-1.0), x);
    l.select(is_zero(l, x), zero, l.select(l.lt(zero, x), l.splat(1.0), below))
}

#[inline(always)]
pub(super) fn inverse_or_0<L: Lanes>(l: L, x: L::V) -> L::V {
    l.select(is_zero(l, x), l.splat(0.0), l.div(l.splat(1.0), x))
}

#[inline(always)]
pub(super) fn log_or_0<L: Lanes>(l: L, x: L::V) -> L::V {
    l.select(is_zero(l, x), l.splat(0.0), log(l, x))
}

#[inline(always)]
pub(super) fn pow<L: Lanes>(l: L, x: L::V, y: L::V) -> L::V {
    let zero = l.splat(0.0);
    let power = l.exp(l.mul(y, l.ln(x)));
    let of_zero = only_where(l, l.lt(zero, y), zero);
    let power = l.select(is_zero(l, x), of_zero, power);
    let y_is_zero = l.and(l.le(y, zero), l.le(zero, y));
    l.select(y_is_zero, l.splat(1.0), power)
}

/// The sum of what cannot be compared is NaN.
#[inline(always)]
pub(super) fn min<L: Lanes>(l: L, a: L::V, b: L::V) -> L::V {
    l.select(l.le(a, b), a, l.select(l.le(b, a), b, l.add(a, b)))
}

/// The sum of what cannot be compared is NaN.
#[inline(always)]
pub(super) fn max<L: Lanes>(l: L, a: L::V, b: L::V) -> L::V {
    l.select(l.le(b, a), a, l.select(l.le(a, b), b, l.add(a, b)))
}

/// A function that the standard library computes in f64, lane by lane.
#[inline(always)]
pub(super) fn each_lane<L: Lanes>(l: L, op: Unary, x: L::V) -> L::V {
    // As wide as the widest vector.
    let mut lanes = [L::T::of(0.0); 64];
    l.store(x, &mut lanes);
    for lane in &mut lanes[..L::LANES] {
        *lane = L::T::of(op.value(lane.to_f64()));
    }
    l.load(&lanes)
}
