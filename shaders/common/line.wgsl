// Weighted lines through log-signals, and what else fits share. The twin of src/fit/line, name by name, but with natural
// logarithms, and with observations in the order of the kernel's rows;
// src/fit/line/wgsl.rs puts constants of this kind before it:
// given: const N_LINE: u32 = 4u;
// given: const MAX_ITERATIONS: u32 = 200u;
// given: const TOLERANCE: f32 = 1e-6;
// given: const MAX_LENGTHENING: f32 = 100.0;
// given: const LONGEST_STEP: f32 = 11.0;
// given: const LEFT_OF_CUBE: f32 = 0.15;
// given: const LEAST_SLACK: f32 = 0.1;
// given: const LONGEST_SECOND_STEP: f32 = 0.25;
// given: const NEXT_TERMS: u32 = 4u;
// given: const LEAST_SPREAD: f32 = 1e-9;
// given: const MM2_PER_S: f32 = 1e-3;
// given: const B_MIN: f32 = 0.05;
// given: const LOWEST_ADC: f32 = -44.0;
// given: const SAMPLES_DROPPED: u32 = 1u;
// given: const BAD_INPUT: u32 = 2u;
// given: const SINGULAR: u32 = 4u;
// given: const NEGATIVE: u32 = 8u;
// given: const ITERATION_LIMIT: u32 = 16u;
// given: const AT_BOUND: u32 = 64u;
// and the kernel after it says which row of the input observation `obs` of its fit is: `row(obs)`.
//
// buffer       | holds                                                        | unit
// -------------|--------------------------------------------------------------|------------------
// params       | begins with the [N_LINE] b-values of the line                | ms/µm²
//              | from NEXT_TERMS: [2, N_LINE] factors of log-signals          | (ms/µm²)², (ms/µm²)³
// input        | row(0) to row(N_LINE − 1): signals of the line               | the image's own

// Observations whose sum is made before it joins the others': hundreds of roundings in a row would show in the slope.
const GROUP: u32 = 16u;

// Stands in `y` for a sample without a logarithm: real ones are ≤ 0.
const UNUSABLE: f32 = 1.0;

// ln(signal / largest signal), or UNUSABLE.
var<private> y: array<f32, N_LINE>;
var<private> weight: array<f32, N_LINE>;

// A weighted line through the log-signals, in moments about its centre.
struct Line {
    b_mean: f32,
    y_mean: f32,
    spread: f32,      // Σw(b − b_mean)²
    slope: Slope,
}

// The slope of a weighted line.
struct Slope {
    adc: f32,                // −slope
    derivatives: vec2<f32>,  // first and second, of `adc` by the ADC that made the weights
}

// Fills `y`; x is the largest usable signal (1 where there is none), y the number of usable samples.
fn take_logs(voxel: u32) -> vec2<f32> {
    var largest = 0.0;
    var n_used = 0.0;
    for (var obs = 0u; obs < N_LINE; obs++) {
        let signal = load(row(obs), voxel);
        let usable = is_finite(signal) && signal > 0.0;
        y[obs] = select(0.0, signal, usable);
        largest = max(largest, y[obs]);
        n_used += select(0.0, 1.0, usable);
    }
    largest = select(1.0, largest, largest > 0.0);
    let scale = 1.0 / largest;
    for (var obs = 0u; obs < N_LINE; obs++) {
        if y[obs] > 0.0 {
            y[obs] = min(ln_accurate(y[obs] * scale), 0.0);
        } else {
            y[obs] = UNUSABLE;
        }
    }
    return vec2(largest, n_used);
}

fn weigh_equally() {
    for (var obs = 0u; obs < N_LINE; obs++) {
        weight[obs] = select(1.0, 0.0, y[obs] > 0.0);
    }
}

// The weights exp(−2·b·adc) of the usable samples, relative to that of the lowest b.
fn weigh(adc: f32) {
    let minus_two_adc = max(adc, LOWEST_ADC) * -2.0 * LOG2_E;
    for (var obs = 0u; obs < N_LINE; obs++) {
        let exponent = max(minus_two_adc * (params[obs] - B_MIN), -126.0);
        weight[obs] = select(exp2_in_range(exponent), 0.0, y[obs] > 0.0);
    }
}

// Sums over samples, about the centre (b, y).
struct Moments {
    low: vec4<f32>,   // Σw·db², Σw·db·dy, Σw·db³ and Σw·db²·dy
    high: vec2<f32>,  // Σw·db⁴ and Σw·db³·dy
}

// Those of the observations from `first` to `end`.
fn moments(first: u32, end: u32, centre: vec2<f32>) -> Moments {
    var sums = Moments(vec4(0.0), vec2(0.0));
    for (var obs = first; obs < end; obs++) {
        let db = params[obs] - centre.x;
        let dy = y[obs] - centre.y;
        let wb = weight[obs] * db;
        let wbb = wb * db;
        let wbbb = wbb * db;
        sums.low += vec4(wbb, wb * dy, wbbb, wbb * dy);
        sums.high += vec2(wbbb * db, wbbb * dy);
    }
    return sums;
}

fn line() -> Line {
    var sum = 0.0;
    var sum_b = 0.0;
    var sum_y = 0.0;
    for (var obs = 0u; obs < N_LINE; obs++) {
        sum += weight[obs];
        sum_b += weight[obs] * params[obs];
        sum_y += weight[obs] * y[obs];
    }
    let centre = vec2(sum_b, sum_y) / sum;
    var sums = Moments(vec4(0.0), vec2(0.0));
    if N_LINE <= GROUP {
        // A known number of observations: no loop is left of it.
        sums = moments(0u, N_LINE, centre);
    } else {
        for (var first = 0u; first < N_LINE; first += GROUP) {
            let group = moments(first, min(first + GROUP, N_LINE), centre);
            sums.low += group.low;
            sums.high += group.high;
        }
    }
    let spread = sums.low.x;
    let adc = -sums.low.y / spread;
    let first = 2.0 * (sums.low.w + adc * sums.low.z) / spread;
    let second = 4.0 * (first * sums.low.z - (sums.high.y + adc * sums.high.x)) / spread;
    return Line(centre.x, centre.y, spread, Slope(adc, vec2(first, second)));
}

// Re-weighs as it is published: the slope at the end, which may still move.
fn reweigh_plainly(start: f32, rounds: u32) -> f32 {
    var adc = start;
    for (var round = 0u; round < rounds; round++) {
        weigh(adc);
        adc = line().slope.adc;
    }
    return adc;
}

struct Reweighted {
    adc: f32,
    iterations: u32,
    status: u32,
}

struct Step {
    by: f32,
    small: bool,  // it is the last
}

// Halley's step from the ADC that made the weights of a slope.
fn step_from(adc: f32, slope: Slope) -> Step {
    let shortened = 1.0 - slope.derivatives.x < 1.0 / MAX_LENGTHENING;
    let slack = max(1.0 - slope.derivatives.x, 1.0 / MAX_LENGTHENING);
    let squared = slack * slack;
    let distance = slope.adc - adc;
    let bend = clamp(0.5 * slope.derivatives.y * distance, -squared, 0.5 * squared);
    let step = clamp(distance * slack / (squared - bend), -LONGEST_STEP, LONGEST_STEP);
    // Relative to the slack, the next step would be about a part of the cube of this one; where this was shortened it is far
    // longer, and the square has been seen to be enough.
    let length = abs(step);
    let cubed = length * length * select(LEFT_OF_CUBE * length, slack, shortened) * max(slack, 1.0);
    return Step(step, cubed <= squared * slack * TOLERANCE * max(1.0, abs(adc)));
}

// The next two terms of the power series of the slope with equal weights in the ADC that makes weights: a sixth of the third
// derivative, a twenty-fourth of the fourth. 0 where samples are missing.
fn next_terms() -> vec2<f32> {
    var sums = vec2(0.0);
    for (var obs = 0u; obs < N_LINE; obs++) {
        if y[obs] > 0.0 {
            return vec2(0.0);
        }
        // The factors add up to 0.
        let factors = vec2(params[NEXT_TERMS + obs], params[NEXT_TERMS + N_LINE + obs]);
        sums += factors * (y[obs] - y[0]);
    }
    return sums;
}

// The ADC to begin with, from the slope with equal weights: Halley's step, and Newton's step from there to where the power
// series of the slope meets the ADC. Where weights differ much the series is wrong: the second step is a part of the first.
fn start_from(equal: Slope) -> f32 {
    let adc = step_from(0.0, equal).by;
    let next = next_terms();
    // Horner's scheme for the series and, on the side, for its derivative.
    let cubic = next.y * adc + next.x;
    let square = cubic * adc + 0.5 * equal.derivatives.y;
    let linear = square * adc + equal.derivatives.x;
    let series = linear * adc + equal.adc;
    let slack = 1.0 - (((next.y * adc + cubic) * adc + square) * adc + linear);
    if slack <= LEAST_SLACK {
        return adc;
    }
    let longest = LONGEST_SECOND_STEP * abs(adc);
    return adc + clamp((series - adc) / slack, -longest, longest);
}

// Re-weighs until the ADC stays. `equal` is the slope with equal weights, which are those of ADC = 0.
fn reweigh(equal: Slope) -> Reweighted {
    var adc = start_from(equal);
    // Where the fixed points are known to lie; f32's largest number stands for "not known": WGSL has no infinity.
    var low = select(-3.4028234e38, 0.0, equal.adc > 0.0);
    var high = select(0.0, 3.4028234e38, equal.adc > 0.0);
    for (var iteration = 1u; iteration <= MAX_ITERATIONS; iteration++) {
        weigh(adc);
        let slope = line().slope;
        let step = step_from(adc, slope);
        let next = adc + step.by;
        if step.small {
            return Reweighted(next, iteration, 0u);
        }
        let upward = adc < slope.adc;
        low = select(low, max(low, adc), upward);
        high = select(min(high, adc), high, upward);
        adc = next;
        // Once fixed points are known to lie between `low` and `high`, a step that leaves is halved instead.
        let bracketed = low > -3.4028234e38 && high < 3.4028234e38;
        if bracketed && iteration < MAX_ITERATIONS && (next <= low || next >= high) {
            adc = 0.5 * (low + high);
        }
    }
    return Reweighted(adc, MAX_ITERATIONS, ITERATION_LIMIT);
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

// Whether signals vary is told by their range: a driver's division may err by 2.5 ulp, and then equal ones are not their own
// mean. The least and the greatest, of no signals yet.
const NO_RANGE = vec2(3.4028234e38, -3.4028234e38);

// With one more signal, if it counts.
fn widened(range: vec2<f32>, signal: f32, counts: bool) -> vec2<f32> {
    return select(range, vec2(min(range.x, signal), max(range.y, signal)), counts);
}
