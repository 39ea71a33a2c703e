// What every kernel stands on: how voxels come in and results go out. The host puts these constants before it:
//   const N_OBS: u32         observations: rows of `input`
//   const VOXEL_TYPE: u32    stored type of all rows: one of the constants below
//   const WORKGROUP: u32     invocations in a workgroup
//   const IN_SOFTWARE: bool  whether the GPU is a few cores in disguise
//   const SEATS: u32         seats of `var<workgroup>` arrays, one an invocation; 1 in software, where they are private
//
// binding | name    | holds                                                                  | unit
// --------|---------|------------------------------------------------------------------------|------------------
// 0       | batch   | sizes of this batch                                                    | voxels, words
// 1       | params  | the kernel's own numbers                                               | the kernel's
// 2       | scaling | per observation: x = slope, y = inter                                  | real per stored
// 3       | input   | [N_OBS][input_stride] words of stored voxels, the lowest bits first    | stored
// 4       | output  | [columns][n_voxels] words: the bits of an f32, or a u16; the last word | the column's
//         |         | of the binding: not 0 if `finish` has found loops cut short           |
//
// A u16 result takes a whole word: two invocations that share a word would race.

struct Batch {
    n_voxels: u32,      // voxels of this batch
    input_stride: u32,  // words from one row of `input` to the next
    first_voxel: u32,   // place of this batch's first voxel in the whole run
    zero: u32,          // 0, which no compiler can know: see `opaque` of math.wgsl
}

@group(0) @binding(0) var<uniform> batch: Batch;
@group(0) @binding(1) var<storage, read> params: array<f32>;
@group(0) @binding(2) var<storage, read> scaling: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> input: array<u32>;
@group(0) @binding(4) var<storage, read_write> output: array<u32>;

const U8: u32 = 0u;
const I8: u32 = 1u;
const U16: u32 = 2u;
const I16: u32 = 3u;
const U32: u32 = 4u;
const I32: u32 = 5u;
const F32: u32 = 6u;

// A voxel as its file stores it. Signed values are sign-extended by shifting up, then down.
fn stored(obs: u32, voxel: u32) -> f32 {
    let row = obs * batch.input_stride;
    switch VOXEL_TYPE {
        case U8: { return f32((input[row + (voxel >> 2u)] >> ((voxel & 3u) << 3u)) & 0xffu); }
        case I8: { return f32(bitcast<i32>(input[row + (voxel >> 2u)] << (24u - ((voxel & 3u) << 3u))) >> 24u); }
        case U16: { return f32((input[row + (voxel >> 1u)] >> ((voxel & 1u) << 4u)) & 0xffffu); }
        case I16: { return f32(bitcast<i32>(input[row + (voxel >> 1u)] << (16u - ((voxel & 1u) << 4u))) >> 16u); }
        case U32: { return f32(input[row + voxel]); }
        case I32: { return f32(bitcast<i32>(input[row + voxel])); }
        default: { return bitcast<f32>(input[row + voxel]); }
    }
}

// The real value of an observation: slope · stored + inter.
fn load(obs: u32, voxel: u32) -> f32 {
    let s = scaling[obs];
    return stored(obs, voxel) * s.x + s.y;
}

fn store_f32(column: u32, voxel: u32, value: f32) {
    output[column * batch.n_voxels + voxel] = bitcast<u32>(value);
}

fn store_u16(column: u32, voxel: u32, value: u32) {
    output[column * batch.n_voxels + voxel] = value & 0xffffu;
}

// Written as bits: a compiler may assume that no float is NaN.
fn store_nan(column: u32, voxel: u32) {
    output[column * batch.n_voxels + voxel] = 0x7fc00000u;
}

// The last statement of every kernel. A GPU in software leaves loops for good when an invocation has taken too many turns: then
// this one, too, ends after its first.
fn finish() {
    if IN_SOFTWARE {
        var turns = 0u;
        for (; turns < 2u + batch.zero; turns++) {}
        if turns < 2u {
            output[arrayLength(&output) - 1u] = 1u;
        }
    }
}

// Neither NaN nor infinite, decided by the bits for the same reason.
fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}
