// Trilinear resampling of one volume, or of a slab of its slices: the same as src/enhance/resample.rs, in f32.
// `common/batch.wgsl` comes before this file, then the distance from a voxel's centre, in voxels, that is taken for none.
// The voxels are those of the result; the one observation of each is which voxel it is, as a u32 that is read whole.
// given: const SNAP: f32 = 1e-6;
//
// params  | holds                                                                             | unit
// --------|-----------------------------------------------------------------------------------|-------
// 0 - 11  | voxel index of the result → position in the source: three rows of four            | voxels
// 12 - 14 | shape of the source                                                               | voxels
// 15 - 16 | first slice of the slab, first slice behind it                                    | voxels
// 17 - 18 | shape of the result along i and j                                                 | voxels
// 19 -    | the slab, i fastest                                                               | real
//
// A voxel of the result that reads a slice outside of the slab is NaN: another slab gives it.

const SLAB: u32 = 19u;

fn shape(axis: u32) -> u32 {
    return u32(params[12u + axis]);
}

fn position(axis: u32, ijk: vec3<f32>) -> f32 {
    let row = 4u * axis;
    return params[row] * ijk.x + params[row + 1u] * ijk.y + params[row + 2u] * ijk.z + params[row + 3u];
}

// Along one axis: the voxel below, the one above, and how far between.
struct Between {
    below: u32,
    above: u32,
    fraction: f32,
    inside: bool,
}

fn between(axis: u32, ijk: vec3<f32>) -> Between {
    let n = shape(axis);
    let last = f32(n - 1u);
    var p = position(axis, ijk);
    let inside = p >= -0.5 - SNAP && p <= last + 0.5 + SNAP;
    if abs(p - round(p)) < SNAP { p = round(p); }
    p = clamp(p, 0.0, last);
    let below = u32(floor(p));
    return Between(below, min(below + 1u, n - 1u), p - floor(p), inside);
}

fn along_x(x: Between, j: u32, k: u32) -> f32 {
    let line = SLAB + (k * shape(1u) + j) * shape(0u);
    let low = params[line + x.below];
    if x.fraction == 0.0 { return low; }
    return low + x.fraction * (params[line + x.above] - low);
}

fn along_y(x: Between, y: Between, k: u32) -> f32 {
    let low = along_x(x, y.below, k);
    if y.fraction == 0.0 { return low; }
    return low + y.fraction * (along_x(x, y.above, k) - low);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let first_slice = u32(params[15]);
    let end_slice = u32(params[16]);
    let ni = u32(params[17]);
    let nj = u32(params[18]);
    for (var v = id.x; v < batch.n_voxels; v += groups.x * WORKGROUP) {
        let voxel = input[v];
        let ijk = vec3<f32>(vec3<u32>(voxel % ni, voxel / ni % nj, voxel / (ni * nj)));
        let x = between(0u, ijk);
        let y = between(1u, ijk);
        let z = between(2u, ijk);
        if !(x.inside && y.inside && z.inside) || z.below < first_slice || z.above >= end_slice {
            store_nan(0u, v);
            continue;
        }
        let low = along_y(x, y, z.below - first_slice);
        var value = low;
        if z.fraction != 0.0 {
            value = low + z.fraction * (along_y(x, y, z.above - first_slice) - low);
        }
        if is_finite(value) { store_f32(0u, v, value); } else { store_nan(0u, v); }
    }
    finish();
}
