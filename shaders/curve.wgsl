// Descriptors of an enhancement curve, voxel by voxel: the same as `describe` of src/enhance/curve.rs.
// `common/batch.wgsl` comes before this file, then the status bits and curve types; `main` comes after it and stores what
// was asked for.
// given: const BAD_INPUT: u32 = 1u;
// given: const NOT_ENHANCED: u32 = 16u;
// given: const PERSISTENT: u32 = 1u;
// given: const PLATEAU: u32 = 2u;
// given: const WASH_OUT: u32 = 3u;
//
// Observations: the baseline's samples, then the samples after contrast, in the order of time; image units.
//
// params | holds                                                                                    | unit
// -------|------------------------------------------------------------------------------------------|--------
// 0      | samples of the baseline                                                                  | 1
// 1      | 1 / samples of the baseline                                                              | 1
// 2      | samples of the early part, after the baseline                                            | 1
// 3      | change of the curve's late part that counts, relative to the peak                        | 1
// 4      | enhancement up to which a voxel counts as not enhanced                                   | image
// 5 + 3i | sample i after the baseline: time after injection,                                       | s
// 6 + 3i |   1 / time since the sample before it,                                                   | 1/s
// 7 + 3i |   weight of its enhancement in the area                                                  | s

const PER_BASELINE_SAMPLE: u32 = 1u;
const TOLERANCE: u32 = 3u;
const THRESHOLD: u32 = 4u;
const FIRST_STEP: u32 = 5u;

struct Curve {
    status: u32,
    peak: f32,
    time_to_peak: f32,
    slope: f32,
    area: f32,
    curve_type: u32,
}

fn describe(voxel: u32) -> Curve {
    let n_baseline = u32(params[0]);
    let n_early = u32(params[2]);
    var status = 0u;
    var baseline = 0.0;
    for (var i = 0u; i < n_baseline; i++) {
        let s = load(i, voxel);
        if !is_finite(s) { status = BAD_INPUT; }
        baseline += s;
    }
    baseline *= params[PER_BASELINE_SAMPLE];

    var curve = Curve();
    var before = baseline;
    var early_peak = 0.0;
    var e = 0.0;
    for (var i = 0u; i < N_OBS - n_baseline; i++) {
        let s = load(n_baseline + i, voxel);
        if !is_finite(s) { status = BAD_INPUT; }
        let step = FIRST_STEP + 3u * i;
        e = s - baseline;
        if i == 0u || e > curve.peak {
            curve.peak = e;
            curve.time_to_peak = params[step];
        }
        let slope = (s - before) * params[step + 1u];
        if i == 0u || slope > curve.slope { curve.slope = slope; }
        if i + 1u == n_early { early_peak = curve.peak; }
        curve.area += e * params[step + 2u];
        before = s;
    }

    let change = params[TOLERANCE] * curve.peak;
    curve.curve_type = PLATEAU;
    if e - early_peak > change { curve.curve_type = PERSISTENT; }
    if e - curve.peak < -change { curve.curve_type = WASH_OUT; }
    if status == 0u && !(curve.peak > params[THRESHOLD]) { status = NOT_ENHANCED; }
    if status != 0u { curve.curve_type = 0u; }
    curve.status = status;
    return curve;
}
