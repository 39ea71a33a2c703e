// Mono-exponential diffusion, S(b) = S0·exp(−b·ADC), by linear regression of log-signals. The twin of
// src/fit/adc/cpu.rs, name by name; src/fit/adc/mod.rs says what the methods are; src/fit/adc/gpu.rs puts constants of
// this kind before it:
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
// after: common/line.wgsl
//
// buffer       | holds                                                        | unit
// -------------|--------------------------------------------------------------|------------------
// params       | [N_OBS] b-values, then what common/line.wgsl reads           | ms/µm²
// input        | [N_OBS] signals of each voxel                                | the image's own
// output       | the columns asked for: ADC, S0, ADC_se, rmse, R2, iterations | mm²/s, signal, mm²/s, signal, –, –
//              | and status (bits of src/fit/status.rs)                       |

const LLS: u32 = 0u;
const WLLS: u32 = 1u;
const IWLLS: u32 = 2u;

// The line goes through all observations, in the order of the images.
fn row(obs: u32) -> u32 {
    return obs;
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

// Residual sum of squares, and that about the mean, of signals relative to the largest; the second is 0 where all are equal.
fn sums_of_squares(adc: f32, y0: f32, n_used: f32) -> vec2<f32> {
    var sum = 0.0;
    var range = NO_RANGE;
    for (var obs = 0u; obs < N_OBS; obs++) {
        sum += select(exp_accurate(y[obs]), 0.0, y[obs] > 0.0);
        range = widened(range, y[obs], !(y[obs] > 0.0));
    }
    let mean = sum / n_used;
    var sums = vec2(0.0);
    for (var obs = 0u; obs < N_OBS; obs++) {
        let signal = exp_accurate(y[obs]);
        let difference = vec2(signal - exp_accurate(y0 - adc * params[obs]), signal - mean);
        sums += select(difference * difference, vec2(0.0), y[obs] > 0.0);
    }
    return vec2(sums.x, select(0.0, sums.y, range.x < range.y));
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
    var adc = at.slope.adc;
    var iterations = 0u;
    var status = dropped;
    if !(at.spread > LEAST_SPREAD) {
        store_unfitted(voxel, SINGULAR | dropped);
        return;
    }
    if METHOD == WLLS {
        weigh(adc);
        at = line();
        adc = at.slope.adc;
        iterations = 1u;
    }
    if METHOD == IWLLS {
        let reweighted = reweigh(at.slope);
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
    finish();
}
