// Bounded Levenberg–Marquardt fits of a signal model: the twin of src/fit/nlls/{lookup,lm,state,block,probe}.rs, as far as it is
// the same for all models. src/fit/nlls/wgsl writes out for a model what stands before it, of this kind:
// given: const N_ZONES: u32 = 2u; const ZONES = array<vec2<u32>, N_ZONES>(vec2(0u, 50u), vec2(50u, 100u));
// given: const NODE_BITS: u32 = 14u; const N_IDLE: u32 = 2u; const N_PLACES: u32 = 8u;
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
// given: fn search(voxel: u32) {}
// given: fn remember() {} fn is_remembered() -> bool { return false; }
// given: fn has_been_here(node: u32) -> bool { return false; }
// given: fn is_idle(idle: u32) -> bool { return false; }
// given: fn try_place(idle: u32, number: u32) {}
// given: fn begin(node: u32, voxel: u32) {} fn evaluate(voxel: u32) {}
// given: fn accept() {} fn reject() {} fn arrive() {} fn step() {}
// given: fn keep(voxel: u32, status: u32) {} fn fail(voxel: u32, status: u32) {}
// given: fn fail_in_scratch(voxel: u32) {}
//
// buffer | holds                                                                                | unit
// -------|--------------------------------------------------------------------------------------|-------------------------
// params | the protocol's numbers and the dictionary, as src/fit/nlls/wgsl/params.rs lays out   | the model's scales
// input  | [N_SAMPLES] signals of each voxel, then the factors of its axes, then its noise     | the image's own
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
var<private> place: u32;          // the invocation's seat

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

// The word of notes: a bit that there is one, two for the zone of the best node, the others for the nodes.
const CAN_BE_FITTED: u32 = 0x80000000u;
const BEST_SHIFT: u32 = 29u;

// The nodes of the best fits, as they are noted; the best node of the zone under way, counted from 1, 0 for none, and what it
// explains; what the best of all does.
var<private> noted: u32;
var<private> chosen: u32;
var<private> best_of_zone: f32;
var<private> best_of_all: f32;

// Takes notice of what a node of the zone under way explains.
fn consider(number: u32, explained: f32) {
    chosen = select(chosen, number, explained > best_of_zone);
    best_of_zone = max(best_of_zone, explained);
}

// Notes the best node of the zone that was under way.
fn choose(zone: u32) {
    noted |= chosen << (zone * NODE_BITS);
    noted = select(noted, insertBits(noted, zone, BEST_SHIFT, 2u), best_of_zone > best_of_all);
    best_of_all = max(best_of_all, best_of_zone);
    chosen = 0u;
    best_of_zone = 0.0;
}

// Notes the nodes that the fits of a voxel start from: NODE_BITS for each zone, counted from the zone's first as 1, 0 for
// none; above them the zone that has the best. A voxel that cannot be fitted gets its results; its status, less than
// CAN_BE_FITTED, stands for the word.
fn look_up(voxel: u32) {
    take(voxel);
    if !is_fittable() {
        fail(voxel, BAD_INPUT | remarks_on_samples());
        return;
    }
    noted = 0u;
    chosen = 0u;
    best_of_zone = 0.0;
    best_of_all = 0.0;
    search(voxel);
    if extractBits(noted, 0u, BEST_SHIFT) == 0u {
        fail(voxel, SINGULAR | remarks_on_samples());
    } else {
        output[SCRATCH * batch.n_voxels + voxel] = noted | CAN_BE_FITTED;
    }
}

// The starts of the voxel that are left, as `look_up` notes them.
var<private> starts: u32;

// No node.
const NO_START: u32 = 0xffffffffu;

// The node of the voxel's next start, the best first, at which something may be found that was not; NO_START if none is left.
fn next_start(is_later: bool) -> u32 {
    var left = extractBits(starts, 0u, BEST_SHIFT);
    var found = NO_START;
    while left != 0u && found == NO_START {
        var zone = extractBits(starts, BEST_SHIFT, 2u);
        if extractBits(starts, zone * NODE_BITS, NODE_BITS) == 0u {
            zone = firstTrailingBit(left) / NODE_BITS;
        }
        let node = ZONES[zone].x + extractBits(starts, zone * NODE_BITS, NODE_BITS) - 1u;
        starts = insertBits(starts, 0u, zone * NODE_BITS, NODE_BITS);
        found = select(node, NO_START, is_later && has_been_here(node));
        left = extractBits(starts, 0u, BEST_SHIFT);
    }
    return found;
}

// What is tried of a voxel whose best end lies where a parameter is idle.
struct Trials {
    idle: u32,       // the face and parameter, N_IDLE after the last
    number: u32,     // of the place that is tried next
    most: f32,       // what a step from a place must promise, or has promised
    chosen: u32,     // the place that has promised it, counted from 1
    under_way: u32,  // 1 while a place is evaluated
}

// In the workgroup's memory, since registers are few: see SEATS of batch.wgsl.
var<workgroup> trials: array<Trials, SEATS>;

// Takes notice of what a step promises from the place that was tried.
fn note_promise() {
    if is_finite(promise) && promise > trials[place].most {
        trials[place].most = promise;
        trials[place].chosen = trials[place].number;
    }
}

// Begins at the next place to try, or the fit from the one that promises most; false when all has been tried.
fn try_next(best: f32) -> bool {
    var t = trials[place];
    t.under_way = 0u;
    var begun = false;
    while !begun && t.idle < N_IDLE {
        if t.number == 0u {
            t.most = fma(TOLERANCE, best, FLOOR);
            t.chosen = 0u;
        }
        if t.number < N_PLACES && (t.number > 0u || is_idle(t.idle)) {
            try_place(t.idle, t.number);
            t.number++;
            t.under_way = 1u;
            begun = true;
        } else {
            if t.chosen > 0u {
                try_place(t.idle, t.chosen - 1u);
                begun = true;
            }
            t.idle++;
            t.number = 0u;
            t.chosen = 0u;
        }
    }
    trials[place] = t;
    return begun;
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
    let arrives = is_finite(potential) && potential <= fma(TOLERANCE, squares, FLOOR);
    if arrives {
        // The last step is taken, and not looked at: the sum of squares stays that before it.
        arrive();
        steps++;
    }
    return arrives || !is_finite(potential) || damping > MOST_DAMPING || steps > MAX_ITERATIONS;
}

// Steps that fits take in software before those that have ended make room for others. There all that stands in a loop is done, for
// no lane if need be, and making room takes longer than a step.
const TURN: u32 = 6u;

// Fits one voxel after the other, each from its starts, and on from where a parameter was idle: none waits for another
// invocation's.
fn fit(first: u32, stride: u32) {
    var voxel = first - stride;
    var best = 0.0;
    var ended = true;
    squares = NOTHING;
    starts = 0u;
    trials[place] = Trials(N_IDLE, 0u, 0.0, 0u, 0u);
    loop {
        if ended {
            if trials[place].under_way == 1u {
                note_promise();
            } else if squares < best {
                best = squares;
                keep(voxel, remarks_on_samples());
                remember();
            }
            var start = next_start(best < NOTHING);
            if start == NO_START && (best == NOTHING || !try_next(best)) {
                if best == NOTHING {
                    fail(voxel, SINGULAR | remarks_on_samples());
                    fail_in_scratch(voxel);
                }
                // The next voxel that can be fitted.
                starts = 0u;
                while starts == 0u {
                    voxel += stride;
                    if voxel >= batch.n_voxels {
                        return;
                    }
                    let word = output[SCRATCH * batch.n_voxels + voxel];
                    starts = select(0u, word, (word & CAN_BE_FITTED) != 0u);
                    if starts == 0u {
                        fail_in_scratch(voxel);
                    }
                }
                take(voxel);
                best = NOTHING;
                trials[place] = Trials(0u, 0u, 0.0, 0u, 0u);
                start = next_start(false);
            }
            if start != NO_START {
                begin(start, voxel);
            }
            squares = NOTHING;
            damping = FIRST_DAMPING;
            promise = 0.0;
            steps = 0u;
            ended = false;
        }
        for (var turn = 1u;; turn++) {
            ended = advance(voxel);
            if trials[place].under_way == 1u {
                // The promise is all that is wanted.
                ended = true;
            } else if !ended && best < NOTHING {
                // What comes near to what has been found ends there.
                ended = is_remembered();
            }
            if !IN_SOFTWARE || ended || turn == TURN {
                break;
            }
        }
    }
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    place = select(local, 0u, IN_SOFTWARE);
    let stride = groups.x * WORKGROUP;
    for (var voxel = id.x; voxel < batch.n_voxels; voxel += stride) {
        look_up(voxel);
    }
    fit(id.x, stride);
    finish();
}
