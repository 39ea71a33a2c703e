// The operators of formulas with the edges that `src/model/operator.rs` defines. They bind no buffer and have no unit;
// `exp_accurate` and `ln_accurate` are those of `math.wgsl`. NaN is made and found by its bits, since a compiler may
// assume that no float is NaN or infinite.

const NAN_BITS: u32 = 0x7fc00000u;

fn is_nan(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

// What is nearer to 0 than the smallest normal number counts as 0.
fn counts_as_zero(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) < 0x00800000u;
}

// A finite number above 0.
fn is_positive(x: f32) -> bool {
    return is_finite(x) && x > 0.0;
}

fn nan_where(condition: bool, x: f32) -> f32 {
    return bitcast<f32>(select(bitcast<u32>(x), NAN_BITS, condition));
}

fn op_div(a: f32, b: f32) -> f32 {
    return nan_where(counts_as_zero(b) || is_nan(a) || is_nan(b), a / b);
}

fn op_exp(x: f32) -> f32 {
    return exp_accurate(x);
}

// Near 0 by its series, which keeps the digits that exp(x) - 1 loses.
fn op_expm1(x: f32) -> f32 {
    var series = fma(x * 0.11111111, 1.0, 1.0);
    series = fma(x * 0.125, series, 1.0);
    series = fma(x * 0.14285714, series, 1.0);
    series = fma(x * 0.16666667, series, 1.0);
    series = fma(x * 0.2, series, 1.0);
    series = fma(x * 0.25, series, 1.0);
    series = fma(x * 0.33333333, series, 1.0);
    series = fma(x * 0.5, series, 1.0);
    return select(exp_accurate(x) - 1.0, x * series, abs(x) < 0.5);
}

fn op_log(x: f32) -> f32 {
    return nan_where(counts_as_zero(x), ln_accurate(x));
}

fn op_sign(x: f32) -> f32 {
    return select(sign(x), x, is_nan(x));
}

fn op_inverse_or_0(x: f32) -> f32 {
    return select(1.0 / x, 0.0, counts_as_zero(x));
}

fn op_log_or_0(x: f32) -> f32 {
    return select(ln_accurate(x), 0.0, counts_as_zero(x));
}

fn op_sqrt(x: f32) -> f32 {
    return nan_where(is_nan(x) || x < 0.0, sqrt(x));
}

fn op_pow(x: f32, y: f32) -> f32 {
    let of_zero = nan_where(is_nan(y) || y < 0.0, 0.0);
    let power = select(exp_accurate(y * ln_accurate(x)), of_zero, counts_as_zero(x));
    return select(power, 1.0, y == 0.0);
}

fn op_min(a: f32, b: f32) -> f32 {
    return nan_where(is_nan(a) || is_nan(b), min(a, b));
}

fn op_max(a: f32, b: f32) -> f32 {
    return nan_where(is_nan(a) || is_nan(b), max(a, b));
}

// A driver's own sin and cos may err by 5e-4: these are the polynomials of Cephes (Moshier 1989, netlib `single`) on
// [-pi/4, pi/4], after subtracting a multiple of pi/2 in three parts whose products are exact for |x| < 8192.
struct Quadrant {
    angle: f32,
    number: u32,
}

fn quadrant(x: f32) -> Quadrant {
    let n = round(x * 0.636619772);
    let angle = ((x - n * 1.5703125) - n * 4.837512969970703125e-4) - n * 7.54978995489188216e-8;
    return Quadrant(angle, bitcast<u32>(i32(n)) & 3u);
}

fn sin_near_zero(x: f32) -> f32 {
    let z = x * x;
    return ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1) * z * x + x;
}

fn cos_near_zero(x: f32) -> f32 {
    let z = x * x;
    return ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2) * z * z - 0.5 * z + 1.0;
}

// The sine of the angle that lies `turns` quarter turns ahead.
fn sine_ahead(x: f32, turns: u32) -> f32 {
    let q = quadrant(x);
    let number = q.number + turns;
    let value = select(sin_near_zero(q.angle), cos_near_zero(q.angle), (number & 1u) == 1u);
    return nan_where(!is_finite(x), select(value, -value, (number & 2u) == 2u));
}

fn op_sin(x: f32) -> f32 {
    return sine_ahead(x, 0u);
}

fn op_cos(x: f32) -> f32 {
    return sine_ahead(x, 1u);
}
