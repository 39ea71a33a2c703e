// Bounded Levenberg–Marquardt fits of a signal model: the twin of src/fit/nlls/{lookup,lm,state,block}.rs, as far as it is
// the same for all models. src/fit/nlls/wgsl writes out for a model what stands before it, of this kind:
// given: const N_STARTS: u32 = 2u; const N_OUTER: u32 = 10u; const N_INNER: u32 = 10u;
// given: const MAX_ITERATIONS: u32 = 200u;
// given: const TOLERANCE: f32 = 1e-6; const FLOOR: f32 = 1e-14;
// given: const FIRST_DAMPING: f32 = 0.1;
// given: const LESS: f32 = 0.1; const MORE: f32 = 8.0; const POOR_MORE: f32 = 2.0;
// given: const POOR: f32 = 0.25; const GOOD: f32 = 0.75;
// given: const LEAST_DAMPING: f32 = 1e-7; const MOST_DAMPING: f32 = 1e8;
// given: const SAMPLES_DROPPED: u32 = 1u; const BAD_INPUT: u32 = 2u; const SINGULAR: u32 = 4u;
// given: const SCRATCH: u32 = 0u; const N_SAMPLES: u32 = N_OBS;
// given: fn take(voxel: u32) {}
// given: fn n_used() -> u32 { return N_SAMPLES; }
// given: fn is_fittable() -> bool { return true; }
// given: fn explained(node: u32, voxel: u32) -> f32 { return 1.0; }
// given: fn remember() {}
// given: fn is_remembered() -> bool { return false; }
// given: fn begin(node: u32, voxel: u32) {}
// given: fn evaluate(voxel: u32) {}
// given: fn accept() {}
// given: fn reject() {}
// given: fn step() {}
// given: fn keep(voxel: u32, status: u32) {}
// given: fn fail(voxel: u32, status: u32) {}
// given: fn fail_in_scratch(voxel: u32) {}
//
// buffer | holds                                                                                | unit
// -------|--------------------------------------------------------------------------------------|-------------------------
// params | the protocol's numbers and the dictionary, as src/fit/nlls/wgsl/params.rs lays out   | the model's scales
// input  | [N_OBS] signals of each voxel, then the factors of its axes                         | the image's own
// output | the columns asked for; column SCRATCH serves as a note from one loop to the next     | the model's

// Only floats can be NaN or infinite: for other files no weight is computed.
const MAY_MISS: bool = VOXEL_TYPE == F32;

// A sum of squares that nothing has been found for: WGSL has no infinity.
const NOTHING: f32 = 3.4028234e38;

// What the fit of an invocation stands at, besides the parameters and sums that are written out for the model.
var<private> largest: f32;        // the voxel's largest signal, in the image's own unit; all else is relative to it
var<private> squares: f32;        // sum of squared residuals where the fit is
var<private> trial_squares: f32;  // and where its step has led
var<private> damping: f32;
var<private> promise: f32;        // what the step promised to reduce the sum of squares by
var<private> potential: f32;      // what it would promise if the box did not cut it short
var<private> steps: u32;
var<private> place: u32;          // of the invocation in its workgroup

// A sample of the voxel, or 0 if it is not finite.
fn usable(sample: f32) -> f32 {
    let y = select(0.0, sample, is_finite(sample));
    largest = max(largest, y);
    return y;
}

fn store_finite(column: u32, voxel: u32, value: f32) {
    if is_finite(value) {
        store_f32(column, voxel, value);
    } else {
        store_nan(column, voxel);
    }
}

fn remarks_on_samples() -> u32 {
    return select(0u, SAMPLES_DROPPED, n_used() < N_SAMPLES);
}

// The first node of a zone: the values of the grid's last parameter are shared out among the starts.
fn zone(start: u32) -> u32 {
    return (start * N_OUTER + N_STARTS - 1u) / N_STARTS * N_INNER;
}

// Notes the nodes that the fits of a voxel start from, counted from 1: the best in the upper half of a word, the other
// in the lower, 0 for none. A voxel that cannot be fitted gets its results; its status stands for the word.
fn look_up(voxel: u32) {
    take(voxel);
    if !is_fittable() {
        fail(voxel, BAD_INPUT | remarks_on_samples());
        return;
    }
    var word = 0u;
    var most = 0.0;
    for (var start = 0u; start < N_STARTS; start++) {
        var best = 0.0;
        var chosen = 0u;
        for (var node = zone(start); node < zone(start + 1u); node++) {
            let share = explained(node, voxel);
            chosen = select(chosen, node + 1u, share > best);
            best = max(best, share);
        }
        word = select(word | chosen, (chosen << 16u) | (word >> 16u), best > most);
        most = max(most, best);
    }
    if word == 0u {
        fail(voxel, SINGULAR | remarks_on_samples());
    } else {
        output[SCRATCH * batch.n_voxels + voxel] = word;
    }
}

// The damping after a step that promised a reduction of the sum of squares and gave another.
fn next_damping(reduction: f32) -> f32 {
    let poor = select(damping * POOR_MORE, damping, POOR * promise < reduction);
    let good = select(poor, max(damping * LESS, LEAST_DAMPING), GOOD * promise < reduction);
    return select(damping * MORE, good, reduction > 0.0);
}

// Looks where the last step has led, stays there if that is better, and takes the next. True when the fit has ended.
fn advance(voxel: u32) -> bool {
    evaluate(voxel);
    // What is no number is no improvement.
    trial_squares = select(NOTHING, trial_squares, is_finite(trial_squares));
    damping = next_damping(squares - trial_squares);
    if trial_squares < squares {
        accept();
    } else {
        reject();
    }
    step();
    steps++;
    let goes_on = is_finite(potential) && potential > fma(TOLERANCE, squares, FLOOR);
    return !goes_on || damping > MOST_DAMPING || steps > MAX_ITERATIONS;
}

// Fits one voxel after the other, each from its starts: none waits for another invocation's.
fn fit(first: u32, stride: u32) {
    var voxel = first - stride;
    var later = 0u;
    var is_later = false;
    var best = 0.0;
    var ended = true;
    squares = NOTHING;
    loop {
        if ended {
            if squares < best {
                best = squares;
                keep(voxel, remarks_on_samples());
            }
            var start = later;
            later = 0u;
            is_later = start != 0u;
            if is_later {
                remember();
            }
            if start == 0u {
                if best == NOTHING {
                    fail(voxel, SINGULAR | remarks_on_samples());
                    fail_in_scratch(voxel);
                }
                // The next voxel that can be fitted.
                while start == 0u {
                    voxel += stride;
                    if voxel >= batch.n_voxels {
                        return;
                    }
                    let word = output[SCRATCH * batch.n_voxels + voxel];
                    start = word >> 16u;
                    later = word & 0xffffu;
                    if start == 0u {
                        fail_in_scratch(voxel);
                    }
                }
                take(voxel);
                best = NOTHING;
            }
            begin(start - 1u, voxel);
            squares = NOTHING;
            damping = FIRST_DAMPING;
            promise = 0.0;
            steps = 0u;
        }
        // What comes near to what has been found ends there.
        ended = advance(voxel) || (is_later && is_remembered());
    }
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    place = local;
    let stride = groups.x * WORKGROUP;
    for (var voxel = id.x; voxel < batch.n_voxels; voxel += stride) {
        look_up(voxel);
    }
    fit(id.x, stride);
}
