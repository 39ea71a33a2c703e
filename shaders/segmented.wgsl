// Intravoxel incoherent motion, S(b) = S0·(f·exp(−b·D*) + (1 − f)·exp(−b·D)), one part after the other. In src/fit/segmented,
// cpu.rs and dstar.rs are its twin, name by name, mod.rs says what is done, and gpu.rs puts such constants before it:
// given: const WRITE_0: bool = true; const COLUMN_0: u32 = 0u;
// given: const WRITE_1: bool = true; const COLUMN_1: u32 = 1u;
// given: const WRITE_2: bool = true; const COLUMN_2: u32 = 2u;
// given: const WRITE_3: bool = true; const COLUMN_3: u32 = 3u;
// given: const WRITE_4: bool = true; const COLUMN_4: u32 = 4u;
// given: const WRITE_5: bool = true; const COLUMN_5: u32 = 5u;
// given: const WRITE_6: bool = true; const COLUMN_6: u32 = 6u;
// given: const WRITE_7: bool = true; const COLUMN_7: u32 = 7u;
// given: const WRITE_8: bool = true; const COLUMN_8: u32 = 8u;
// given: const WRITE_9: bool = true; const COLUMN_9: u32 = 9u;
// given: const D_LOW: f32 = 0.0; const D_HIGH: f32 = 5.0;
// given: const F_LOW: f32 = 0.0; const F_HIGH: f32 = 1.0;
// given: const DSTAR_LOW: f32 = 5.0; const DSTAR_HIGH: f32 = 200.0;
// given: const WANTS_DSTAR: bool = true; const DROP_BAD_SAMPLES: bool = true;
// given: const UNTIL_IT_STAYS: bool = true; const PLAIN_REWEIGHTINGS: u32 = 0u;
// given: const N_LOWEST: u32 = 1u; const N_GRID: u32 = 25u;
// given: const N_PARAMETERS: f32 = 5.0; const LEAST_EXPONENT: f32 = -40.0;
// after: common/line.wgsl
//
// Observations are in the order of the fit: those of the line, then those at the lowest b, then the others.
//
// buffer       | holds                                                          | unit
// -------------|----------------------------------------------------------------|--------------------------------------
// params       | [N_OBS] b-values                                               | ms/µm²
//              | [N_GRID] values of D*, from one bound to the other             | µm²/ms
//              | [N_GRID][N_OBS] their decays exp(−b·D*)                        | 1
//              | [N_OBS] rows of the input                                      | –
//              | [2][N_LINE] factors of the line's next terms (common/line)     | (ms/µm²)², (ms/µm²)³
// input        | [N_OBS] signals of each voxel, in the order of the images      | the image's own
// output       | the columns asked for: S0, D, f, D*, f·D*, rmse, R2, AICc,     | signal, mm²/s, –, mm²/s, mm²/s, signal,
//              | iterations and status (bits of src/fit/status.rs)              | –, –, –, –

const GRID: u32 = N_OBS;
const GRID_DECAY: u32 = N_OBS + N_GRID;
const ROWS: u32 = N_OBS + N_GRID + N_GRID * N_OBS;
// Stands in `rest` for a sample that is not usable: f32's largest number.
const MISSING: f32 = 3.4028234e38;

// signal/S0 − (1 − f)·exp(−b·D), or MISSING.
var<private> rest: array<f32, N_OBS>;

fn row(obs: u32) -> u32 {
    return u32(params[ROWS + obs]);
}

fn usable(signal: f32) -> bool {
    return is_finite(signal) && signal > 0.0;
}

// x is S0, 0 where no sample at the lowest b is usable; y the number of usable samples.
fn take_signals(voxel: u32) -> vec2<f32> {
    var n_used = 0.0;
    var sum = 0.0;
    var n_lowest = 0.0;
    for (var obs = 0u; obs < N_OBS; obs++) {
        let signal = load(row(obs), voxel);
        if usable(signal) {
            n_used += 1.0;
            if obs >= N_LINE && obs < N_LINE + N_LOWEST {
                sum += signal;
                n_lowest += 1.0;
            }
        }
    }
    return vec2(sum / max(1.0, n_lowest), n_used);
}

// Takes the slow part from the signals: fills `rest`.
fn take_rest(voxel: u32, s0: f32, d: f32, f: f32) {
    let per_s0 = 1.0 / s0;
    for (var obs = 0u; obs < N_OBS; obs++) {
        let signal = load(row(obs), voxel);
        let slow = (1.0 - f) * exp_accurate(-params[obs] * d);
        rest[obs] = select(MISSING, signal * per_s0 - slow, usable(signal));
    }
}

// exp(−b·D*)
fn decay(obs: u32, dstar: f32) -> f32 {
    return exp_accurate(max(-params[obs] * dstar, LEAST_EXPONENT));
}

// Half the residual sum of squares has the slope f·h(D*) with h = Σ b·E·(rest − f·E), where E = exp(−b·D*): x is h, y its
// derivative.
fn slope(f: f32, dstar: f32) -> vec2<f32> {
    var sums = vec2(0.0);
    for (var obs = 0u; obs < N_OBS; obs++) {
        let e = decay(obs, dstar);
        let weight = select(params[obs] * e, 0.0, rest[obs] == MISSING);
        let residual = rest[obs] - f * e;
        sums.x += weight * residual;
        sums.y += weight * params[obs] * (f * e - residual);
    }
    return sums;
}

// h at a point of the grid, whose decays are known.
fn slope_on_grid(f: f32, point: u32) -> f32 {
    var sum = 0.0;
    for (var obs = 0u; obs < N_OBS; obs++) {
        let e = params[GRID_DECAY + point * N_OBS + obs];
        let weight = select(params[obs] * e, 0.0, rest[obs] == MISSING);
        sum += weight * (rest[obs] - f * e);
    }
    return sum;
}

// Two values of D* with the minimum downhill from `start` between them; the same twice where that is a bound.
fn bracket(f: f32, start: f32) -> vec2<f32> {
    if slope(f, start).x > 0.0 {
        // The last point below the start whose slope is not above 0, with the one after it.
        var high = start;
        for (var i = N_GRID; i > 0u; i--) {
            let dstar = params[GRID + i - 1u];
            if dstar < start {
                if !(slope_on_grid(f, i - 1u) > 0.0) {
                    return vec2(dstar, high);
                }
                high = dstar;
            }
        }
        return vec2(DSTAR_LOW);
    }
    // The first point above the start whose slope is above 0, with the one before it.
    var low = start;
    for (var i = 0u; i < N_GRID; i++) {
        let dstar = params[GRID + i];
        if dstar > start {
            if slope_on_grid(f, i) > 0.0 {
                return vec2(low, dstar);
            }
            low = dstar;
        }
    }
    return vec2(DSTAR_HIGH);
}

struct Found {
    dstar: f32,
    steps: u32,
    status: u32,
}

// The minimum downhill from `start`.
fn minimum(f: f32, start: f32) -> Found {
    // Where f is 0, `start` is as good as any.
    if !(f > 0.0) {
        return Found(start, 0u, 0u);
    }
    let between = bracket(f, start);
    var low = between.x;
    var high = between.y;
    if !(low < high) {
        return Found(low, 0u, 0u);
    }
    var dstar = sqrt(low * high);
    for (var step = 1u; step <= MAX_ITERATIONS; step++) {
        let at = slope(f, dstar);
        if at.x > 0.0 {
            high = dstar;
        } else {
            low = dstar;
        }
        let newton = dstar - at.x / at.y;
        let inside = at.y > 0.0 && newton >= low && newton <= high;
        let next = select(0.5 * (low + high), newton, inside);
        // Newton's next step would be about the square of this one; halving ends with the bracket.
        let relative = (next - dstar) / dstar;
        let left = select((high - low) / dstar, relative * relative, inside);
        dstar = next;
        if left <= TOLERANCE {
            return Found(dstar, step, 0u);
        }
    }
    return Found(dstar, MAX_ITERATIONS, ITERATION_LIMIT);
}

// Residual sum of squares, and that about the mean, of signals relative to S0; the second is 0 where all are equal.
fn sums_of_squares(voxel: u32, s0: f32, f: f32, dstar: f32, n_used: f32) -> vec2<f32> {
    let per_s0 = 1.0 / s0;
    var sum = 0.0;
    var range = NO_RANGE;
    for (var obs = 0u; obs < N_OBS; obs++) {
        let signal = load(row(obs), voxel);
        sum += select(0.0, signal * per_s0, usable(signal));
        range = widened(range, signal, usable(signal));
    }
    let mean = sum / n_used;
    var sums = vec2(0.0);
    for (var obs = 0u; obs < N_OBS; obs++) {
        let signal = load(row(obs), voxel);
        let difference = vec2(rest[obs] - f * decay(obs, dstar), signal * per_s0 - mean);
        sums += select(vec2(0.0), difference * difference, usable(signal));
    }
    return vec2(sums.x, select(0.0, sums.y, range.x < range.y));
}

fn store_unfitted(voxel: u32, status: u32) {
    if WRITE_0 { store_nan(COLUMN_0, voxel); }
    if WRITE_1 { store_nan(COLUMN_1, voxel); }
    if WRITE_2 { store_nan(COLUMN_2, voxel); }
    if WRITE_3 { store_nan(COLUMN_3, voxel); }
    if WRITE_4 { store_nan(COLUMN_4, voxel); }
    if WRITE_5 { store_nan(COLUMN_5, voxel); }
    if WRITE_6 { store_nan(COLUMN_6, voxel); }
    if WRITE_7 { store_nan(COLUMN_7, voxel); }
    store_count(WRITE_8, COLUMN_8, voxel, 0u);
    store_count(WRITE_9, COLUMN_9, voxel, status);
}

fn store_goodness(voxel: u32, s0: f32, f: f32, dstar: f32, n_used: f32) {
    let sums = sums_of_squares(voxel, s0, f, dstar, n_used);
    let per_sample = sums.x / n_used;
    store(WRITE_5, COLUMN_5, voxel, s0 * sqrt(per_sample));
    if WRITE_6 {
        if sums.y > 0.0 {
            store(true, COLUMN_6, voxel, 1.0 - sums.x / sums.y);
        } else {
            store_nan(COLUMN_6, voxel);
        }
    }
    if WRITE_7 {
        let freedom = n_used - N_PARAMETERS - 1.0;
        if freedom > 0.0 && sums.x > 0.0 {
            // n·ln(rss/n), with S0 apart: its square may leave the range of f32.
            let log = ln_accurate(per_sample) + 2.0 * ln_accurate(s0);
            let penalty = 2.0 * N_PARAMETERS + 2.0 * N_PARAMETERS * (N_PARAMETERS + 1.0) / freedom;
            store(true, COLUMN_7, voxel, n_used * log + penalty);
        } else {
            store_nan(COLUMN_7, voxel);
        }
    }
}

fn fit(voxel: u32) {
    let largest_and_n = take_logs(voxel);
    let s0_and_n = take_signals(voxel);
    let s0 = s0_and_n.x;
    let n_used = s0_and_n.y;
    let dropped = select(0u, SAMPLES_DROPPED, n_used < f32(N_OBS));
    let known = largest_and_n.y >= 2.0 && s0 > 0.0 && is_finite(s0);
    if !known || (!DROP_BAD_SAMPLES && n_used < f32(N_OBS)) {
        store_unfitted(voxel, BAD_INPUT | dropped);
        return;
    }
    weigh_equally();
    let lls = line();
    if !(lls.spread > LEAST_SPREAD) {
        store_unfitted(voxel, SINGULAR | dropped);
        return;
    }
    var status = dropped;
    var iterations = PLAIN_REWEIGHTINGS;
    var slow_d = lls.slope.adc;
    if UNTIL_IT_STAYS {
        let reweighted = reweigh(lls.slope);
        slow_d = reweighted.adc;
        iterations = reweighted.iterations;
        status |= reweighted.status;
        // The weights of the estimate itself.
        weigh(slow_d);
    } else {
        // The weights stay those that made the slope.
        slow_d = reweigh_plainly(lls.slope.adc, PLAIN_REWEIGHTINGS);
    }
    let at = line();
    let fraction = 1.0 - largest_and_n.x * exp_accurate(at.y_mean + slow_d * at.b_mean) / s0;
    if !is_finite(slow_d) || !is_finite(fraction) {
        store_unfitted(voxel, SINGULAR | dropped);
        return;
    }
    let d = clamp(slow_d, D_LOW, D_HIGH);
    let f = clamp(fraction, F_LOW, F_HIGH);
    store(WRITE_0, COLUMN_0, voxel, s0);
    store(WRITE_1, COLUMN_1, voxel, d * MM2_PER_S);
    store(WRITE_2, COLUMN_2, voxel, f);
    if WANTS_DSTAR {
        take_rest(voxel, s0, d, f);
        let found = minimum(f, clamp(10.0 * d, DSTAR_LOW, DSTAR_HIGH));
        let dstar = found.dstar;
        store(WRITE_3, COLUMN_3, voxel, dstar * MM2_PER_S);
        store(WRITE_4, COLUMN_4, voxel, f * dstar * MM2_PER_S);
        if WRITE_5 || WRITE_6 || WRITE_7 {
            store_goodness(voxel, s0, f, dstar, n_used);
        }
        let bounded = d <= D_LOW || d >= D_HIGH || f <= F_LOW || f >= F_HIGH || dstar <= DSTAR_LOW || dstar >= DSTAR_HIGH;
        store_count(WRITE_8, COLUMN_8, voxel, iterations + found.steps);
        store_count(WRITE_9, COLUMN_9, voxel, status | found.status | select(0u, AT_BOUND, bounded));
    }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var voxel = id.x; voxel < batch.n_voxels; voxel += groups.x * WORKGROUP) {
        fit(voxel);
    }
    finish();
}
