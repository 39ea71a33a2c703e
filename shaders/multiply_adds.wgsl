// Fused multiply-adds and nothing else: what a GPU can do at most. The twin of src/bench/multiply_adds.rs, which puts
// this before it:
// given: const ROUNDS: u32 = 512u;
//
// buffer | holds                           | unit
// -------|---------------------------------|-----
// params | 0: factor, 1: summand           | 1
// input  | where the sums of a voxel start | 1
// output | the sum of its sums             | 1

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let by = vec4(params[0]);
    let plus = vec4(params[1]);
    for (var voxel = id.x; voxel < batch.n_voxels; voxel += groups.x * WORKGROUP) {
        // Sixteen sums that do not wait for one another, each step four times, so that counting rounds costs little.
        var a = load(0u, voxel) + vec4(0.0, 1.0, 2.0, 3.0);
        var b = a + 4.0;
        var c = a + 8.0;
        var d = a + 12.0;
        for (var round = 0u; round < ROUNDS; round++) {
            a = fma(a, by, plus); b = fma(b, by, plus); c = fma(c, by, plus); d = fma(d, by, plus);
            a = fma(a, by, plus); b = fma(b, by, plus); c = fma(c, by, plus); d = fma(d, by, plus);
            a = fma(a, by, plus); b = fma(b, by, plus); c = fma(c, by, plus); d = fma(d, by, plus);
            a = fma(a, by, plus); b = fma(b, by, plus); c = fma(c, by, plus); d = fma(d, by, plus);
        }
        store_f32(0u, voxel, dot(a + b + c + d, vec4(1.0)));
    }
    finish();
}
