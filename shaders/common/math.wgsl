// exp, ln and exp2 to f32 rounding: a driver's own may err by several ulp. They are the Cephes argument reductions and
// polynomials (Moshier 1989, netlib `single`) of `src/lanes/f32.rs`, with the same edges (exp2 looks at none). They bind
// no buffer (but read `batch.zero`) and have no unit. Edges are decided by bits, since a compiler may assume that no
// float is NaN or infinite.

const LOG2_E = 1.44269504;

// x, through which a compiler cannot re-associate. Vulkan lets it turn (x − n·c) + n·d into x − n·(c − d), whose product
// is no longer exact; without this, exp errs by 68 ulp on llvmpipe (Mesa 22.3).
fn opaque(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) ^ batch.zero);
}

// eˣ; 0 where it would be subnormal, ∞ on overflow, NaN kept.
fn exp_accurate(x: f32) -> f32 {
    let n = round(x * LOG2_E);
    // ln 2 in two parts; the product of the first and n is exact.
    let r = fma(n, 2.1219444e-4, opaque(fma(n, -0.693359375, x)));
    var p = 1.9875691500e-4;
    p = fma(p, r, 1.3981999507e-3);
    p = fma(p, r, 8.3334519073e-3);
    p = fma(p, r, 4.1665795894e-2);
    p = fma(p, r, 1.6666665459e-1);
    p = fma(p, r, 5.0000001201e-1);
    let y = fma(p, r * r, r) + 1.0;
    let x_bits = bitcast<u32>(x);
    let magnitude = x_bits & 0x7fffffffu;
    let negative = x_bits > 0x7fffffffu;
    var bits = bitcast<u32>(y) + (bitcast<u32>(i32(n)) << 23u);
    bits = select(bits, 0u, negative && magnitude > 0x42aeac4fu);           // below −87.33654
    bits = select(bits, 0x7f800000u, !negative && magnitude > 0x42b0c0a5u); // above 88.37626
    return bitcast<f32>(select(bits, x_bits, magnitude > 0x7f800000u));
}

// 2ˣ for −126 ≤ x ≤ 127, without a look at anything else; the polynomial is that of Cephes' exp2f.
fn exp2_in_range(x: f32) -> f32 {
    let n = round(x);
    let r = x - n;
    var p = 1.535336188e-4;
    p = fma(p, r, 1.339887440e-3);
    p = fma(p, r, 9.618437358e-3);
    p = fma(p, r, 5.550332471e-2);
    p = fma(p, r, 2.402264791e-1);
    p = fma(p, r, 6.931472029e-1);
    p = fma(p, r, 1.0);
    return bitcast<f32>(bitcast<u32>(p) + (bitcast<u32>(i32(n)) << 23u));
}

// Natural logarithm; −∞ for 0 and subnormals, NaN for negatives, NaN and ∞ kept.
fn ln_accurate(x: f32) -> f32 {
    let x_bits = bitcast<u32>(x);
    // Biased so that the mantissa lies in [√½, √2).
    let biased = x_bits + (0x3f800000u - 0x3f3504f3u);
    let mantissa = (biased & 0x007fffffu) + 0x3f3504f3u;
    let e = f32(bitcast<i32>(biased >> 23u) - 127);
    let f = bitcast<f32>(mantissa) - 1.0;
    let z = f * f;
    var p = 7.0376836292e-2;
    p = fma(p, f, -1.1514610310e-1);
    p = fma(p, f, 1.1676998740e-1);
    p = fma(p, f, -1.2420140846e-1);
    p = fma(p, f, 1.4249322787e-1);
    p = fma(p, f, -1.6668057665e-1);
    p = fma(p, f, 2.0000714765e-1);
    p = fma(p, f, -2.4999993993e-1);
    p = fma(p, f, 3.3333331174e-1);
    var y = p * f * z;
    y = fma(e, -2.1219444e-4, y);
    y = fma(z, -0.5, opaque(y));
    y = fma(e, 0.693359375, f + y);
    let magnitude = x_bits & 0x7fffffffu;
    let negative = x_bits > 0x7fffffffu;
    var bits = bitcast<u32>(y);
    bits = select(bits, 0xff800000u, magnitude < 0x00800000u);
    bits = select(bits, 0x7fc00000u, negative && magnitude != 0u);
    return bitcast<f32>(select(bits, x_bits, magnitude > 0x7f800000u || x_bits == 0x7f800000u));
}
