// Mono-exponential diffusion, S(b) = S0·exp(−b·ADC), by linear regression of log-signals. The twin of
// src/fit/adc/cpu.rs, name by name; src/fit/adc/mod.rs says what the methods are; src/fit/adc/gpu.rs puts constants of this kind
// before it:
// given: const WRITE_0: bool = true;
// given: const COLUMN_0: u32 = 0u;
// given: const WRITE_1: bool = true;
// given: const COLUMN_1: u32 = 1u;
// given: const WRITE_2: bool = true;
// given: const COLUMN_2: u32 = 2u;
// given: const WRITE_3: bool = true;
// given: const COLUMN_3: u32 = 3u;
// given: const WRITE_4: bool = true;
// given: const COLUMN_4: u32 = 4u;
// given: const WRITE_5: bool = true;
// given: const COLUMN_5: u32 = 5u;
// given: const WRITE_6: bool = true;
// given: const COLUMN_6: u32 = 6u;
// given: const METHOD: u32 = 2u;
// given: const DROP_BAD_SAMPLES: bool = true;
// given: const MAX_ITERATIONS: u32 = 200u;
// given: const TOLERANCE: f32 = 1e-6;
// given: const MAX_LENGTHENING: f32 = 50.0;
// given: const LONGEST_STEP: f32 = 11.0;
// given: const LEAST_SPREAD: f32 = 1e-9;
// given: const MM2_PER_S: f32 = 1e-3;
// given: const B_MIN: f32 = 0.05;
// given: const B_MAX: f32 = 0.75;
// given: const SAMPLES_DROPPED: u32 = 1u;
// given: const BAD_INPUT: u32 = 2u;
// given: const SINGULAR: u32 = 4u;
// given: const NEGATIVE: u32 = 8u;
// given: const ITERATION_LIMIT: u32 = 16u;
//
// buffer       | holds                                                        | unit
// -------------|--------------------------------------------------------------|------------------
// params       | [N_OBS] b-values                                             | ms/µm²
// input        | [N_OBS] signals of each voxel                                | the image's own
// output       | the columns asked for: ADC, S0, ADC_se, rmse, R2, iterations | mm²/s, signal, mm²/s, signal, –, –
//              | and status (bits of src/fit/status.rs)                       |

const LLS: u32 = 0u;
const WLLS: u32 = 1u;
const IWLLS: u32 = 2u;

// Observations whose sum is made before it joins the others': hundreds of roundings in a row would show in the ADC.
const GROUP: u32 = 16u;

// Stands in `y` for a sample without a logarithm: real ones are ≤ 0.
const UNUSABLE: f32 = 1.0;

// ln(signal / largest signal), or UNUSABLE.
var<private> y: array<f32, N_OBS>;
var<private> weight: array<f32, N_OBS>;

// A weighted line through the log-signals, in moments about its centre.
struct Line {
    b_mean: f32,
    y_mean: f32,
    spread: f32,      // Σw(b − b_mean)²
    adc: f32,         // −slope
    derivative: f32,  // of `adc` by the ADC that made the weights
}

// Fills `y`; x is the largest usable signal (1 where there is none), y the number of usable samples.
fn take_logs(voxel: u32) -> vec2<f32> {
    var largest = 0.0;
    var n_used = 0.0;
    for (var obs = 0u; obs < N_OBS; obs++) {
        let signal = load(obs, voxel);
        let usable = is_finite(signal) && signal > 0.0;
        y[obs] = select(0.0, signal, usable);
        largest = max(largest, y[obs]);
        n_used += select(0.0, 1.0, usable);
    }
    largest = select(1.0, largest, largest > 0.0);
    let scale = 1.0 / largest;
    for (var obs = 0u; obs < N_OBS; obs++) {
        if y[obs] > 0.0 {
            y[obs] = min(ln_accurate(y[obs] * scale), 0.0);
        } else {
            y[obs] = UNUSABLE;
        }
    }
    return vec2(largest, n_used);
}

fn weigh_equally() {
    for (var obs = 0u; obs < N_OBS; obs++) {
        weight[obs] = select(1.0, 0.0, y[obs] > 0.0);
    }
}

// The weights exp(−2·b·adc) of the usable samples, the largest of them near 1.
fn weigh(adc: f32) {
    let reference = select(B_MAX, B_MIN, adc > 0.0);
    for (var obs = 0u; obs < N_OBS; obs++) {
        let exponent = max(-2.0 * adc * (params[obs] - reference), -87.0);
        weight[obs] = select(exp_accurate(exponent), 0.0, y[obs] > 0.0);
    }
}

fn line() -> Line {
    var sum = 0.0;
    var sum_b = 0.0;
    var sum_y = 0.0;
    for (var obs = 0u; obs < N_OBS; obs++) {
        sum += weight[obs];
        sum_b += weight[obs] * params[obs];
        sum_y += weight[obs] * y[obs];
    }
    let b_mean = sum_b / sum;
    let y_mean = sum_y / sum;
    var bb = 0.0;
    var by = 0.0;
    var bbb = 0.0;
    var bby = 0.0;
    for (var first = 0u; first < N_OBS; first += GROUP) {
        var group_bb = 0.0;
        var group_by = 0.0;
        for (var obs = first; obs < min(first + GROUP, N_OBS); obs++) {
            let db = params[obs] - b_mean;
            let dy = y[obs] - y_mean;
            let wb = weight[obs] * db;
            group_bb += wb * db;
            group_by += wb * dy;
            bbb += wb * db * db;
            bby += wb * db * dy;
        }
        bb += group_bb;
        by += group_by;
    }
    let adc = -by / bb;
    return Line(b_mean, y_mean, bb, adc, 2.0 * (bby + adc * bbb) / bb);
}

struct Reweighted {
    adc: f32,
    iterations: u32,
    status: u32,
}

// Re-weighs until the ADC stays.
fn reweigh(start: f32) -> Reweighted {
    // f32's largest number stands for "not known": WGSL has no infinity.
    var low = -3.4028234e38;
    var high = 3.4028234e38;
    var adc = start;
    for (var iteration = 1u; iteration <= MAX_ITERATIONS; iteration++) {
        weigh(adc);
        let at = line();
        if adc < at.adc {
            low = max(low, adc);
        } else {
            high = min(high, adc);
        }
        let lengthening = 1.0 / max(1.0 - at.derivative, 1.0 / MAX_LENGTHENING);
        let step = clamp((at.adc - adc) * lengthening, -LONGEST_STEP, LONGEST_STEP);
        // Newton's next step would be about the square of this one, times the lengthening.
        let squared = step * step * lengthening * max(lengthening, 1.0);
        let small = squared <= TOLERANCE * max(1.0, abs(adc));
        let next = adc + step;
        // Once fixed points are known to lie between `low` and `high`, a step that leaves is halved instead.
        let bracketed = low > -3.4028234e38 && high < 3.4028234e38;
        if bracketed && (next <= low || next >= high) {
            adc = select(0.5 * (low + high), adc, small);
        } else {
            adc = next;
        }
        if small {
            return Reweighted(adc, iteration, 0u);
        }
    }
    return Reweighted(adc, MAX_ITERATIONS, ITERATION_LIMIT);
}

// From the weighted residuals; the caller has checked that a degree of freedom is left.
fn standard_error(at: Line, adc: f32, y0: f32, n_used: f32) -> f32 {
    var sum = 0.0;
    for (var obs = 0u; obs < N_OBS; obs++) {
        let residual = y[obs] - (y0 - adc * params[obs]);
        sum += weight[obs] * residual * residual;
    }
    return sqrt(sum / ((n_used - 2.0) * at.spread));
}

// Residual sum of squares, and that about the mean, of signals relative to the largest.
fn sums_of_squares(adc: f32, y0: f32, n_used: f32) -> vec2<f32> {
    var sum = 0.0;
    for (var obs = 0u; obs < N_OBS; obs++) {
        sum += select(exp_accurate(y[obs]), 0.0, y[obs] > 0.0);
    }
    let mean = sum / n_used;
    var sums = vec2(0.0);
    for (var obs = 0u; obs < N_OBS; obs++) {
        let signal = exp_accurate(y[obs]);
        let difference = vec2(signal - exp_accurate(y0 - adc * params[obs]), signal - mean);
        sums += select(difference * difference, vec2(0.0), y[obs] > 0.0);
    }
    return sums;
}

fn store(write: bool, column: u32, voxel: u32, value: f32) {
    if write {
        if is_finite(value) {
            store_f32(column, voxel, value);
        } else {
            store_nan(column, voxel);
        }
    }
}

fn store_count(write: bool, column: u32, voxel: u32, value: u32) {
    if write {
        store_u16(column, voxel, value);
    }
}

fn store_unfitted(voxel: u32, status: u32) {
    if WRITE_0 { store_nan(COLUMN_0, voxel); }
    if WRITE_1 { store_nan(COLUMN_1, voxel); }
    if WRITE_2 { store_nan(COLUMN_2, voxel); }
    if WRITE_3 { store_nan(COLUMN_3, voxel); }
    if WRITE_4 { store_nan(COLUMN_4, voxel); }
    store_count(WRITE_5, COLUMN_5, voxel, 0u);
    store_count(WRITE_6, COLUMN_6, voxel, status);
}

fn fit(voxel: u32) {
    let taken = take_logs(voxel);
    let largest = taken.x;
    let n_used = taken.y;
    let dropped = select(0u, SAMPLES_DROPPED, n_used < f32(N_OBS));
    if n_used < 2.0 || (!DROP_BAD_SAMPLES && n_used < f32(N_OBS)) {
        store_unfitted(voxel, BAD_INPUT | dropped);
        return;
    }
    weigh_equally();
    var at = line();
    var adc = at.adc;
    var iterations = 0u;
    var status = dropped;
    if !(at.spread > LEAST_SPREAD) {
        store_unfitted(voxel, SINGULAR | dropped);
        return;
    }
    if METHOD == WLLS {
        weigh(adc);
        at = line();
        adc = at.adc;
        iterations = 1u;
    }
    if METHOD == IWLLS {
        let reweighted = reweigh(adc);
        adc = reweighted.adc;
        weigh(adc);
        at = line();
        iterations = reweighted.iterations;
        status |= reweighted.status;
    }
    if !is_finite(adc) {
        store_unfitted(voxel, SINGULAR | dropped);
        return;
    }
    status |= select(0u, NEGATIVE, adc < 0.0);

    let y0 = at.y_mean + adc * at.b_mean;
    store(WRITE_0, COLUMN_0, voxel, adc * MM2_PER_S);
    if WRITE_1 {
        store(true, COLUMN_1, voxel, largest * exp_accurate(y0));
    }
    if WRITE_2 {
        if n_used > 2.0 {
            store(true, COLUMN_2, voxel, standard_error(at, adc, y0, n_used) * MM2_PER_S);
        } else {
            store_nan(COLUMN_2, voxel);
        }
    }
    if WRITE_3 || WRITE_4 {
        let sums = sums_of_squares(adc, y0, n_used);
        store(WRITE_3, COLUMN_3, voxel, largest * sqrt(sums.x / n_used));
        if sums.y > 0.0 {
            store(WRITE_4, COLUMN_4, voxel, 1.0 - sums.x / sums.y);
        } else if WRITE_4 {
            store_nan(COLUMN_4, voxel);
        }
    }
    store_count(WRITE_5, COLUMN_5, voxel, iterations);
    store_count(WRITE_6, COLUMN_6, voxel, status);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var voxel = id.x; voxel < batch.n_voxels; voxel += groups.x * WORKGROUP) {
        fit(voxel);
    }
}
