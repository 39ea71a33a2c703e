//! Powers with integer exponents.

/// The integer that a number is, if it can be an exponent of products.
pub(super) fn integer(y: f64) -> Option<i32> {
    let n = y as i32;
    (f64::from(n) == y).then_some(n)
}

/// xⁿ from the squares of squares of x; `None` for n = 0.
pub(super) fn by_squaring<V: Copy>(x: V, n: u32, mut multiply: impl FnMut(V, V) -> V) -> Option<V> {
    let mut square = x;
    let mut product = None;
    for bit in 0..u32::BITS - n.leading_zeros() {
        if bit > 0 {
            square = multiply(square, square);
        }
        if n >> bit & 1 == 1 {
            product = Some(product.map_or(square, |p| multiply(p, square)));
        }
    }
    product
}
