//! The WGSL that a kernel's text is put after: how it reads voxels and writes results on any GPU.

use crate::volume::VoxelType;

/// Bindings, loads and stores.
const BATCH: &str = include_str!("../../shaders/common/batch.wgsl");
/// Functions that drivers do not compute well enough.
const MATH: &str = include_str!("../../shaders/common/math.wgsl");

/// Invocations in a workgroup: a multiple of every GPU's subgroup (4 to 64).
pub const WORKGROUP: usize = 64;

/// What is said on a GPU that is one.
const ON_A_GPU: &str = "const IN_SOFTWARE: bool = false;\nconst SEATS: u32 = WORKGROUP;\n";
/// What is said on a GPU that is a few cores in disguise.
const IN_SOFTWARE: &str = "const IN_SOFTWARE: bool = true;\nconst SEATS: u32 = 1u;\n";

/// The complete WGSL of a kernel for `n_obs` observations that are stored as `voxel_type`.
///
/// 64-bit voxels have no WGSL type: the device is given them as [`VoxelType::F32`].
pub fn compose(body: &str, voxel_type: VoxelType, n_obs: usize) -> String {
    let voxel_type = match on_device(voxel_type) {
        VoxelType::U8 => "U8",
        VoxelType::I8 => "I8",
        VoxelType::U16 => "U16",
        VoxelType::I16 => "I16",
        VoxelType::U32 => "U32",
        VoxelType::I32 => "I32",
        _ => "F32",
    };
    format!(
        "const N_OBS: u32 = {n_obs}u;\nconst VOXEL_TYPE: u32 = {voxel_type};\n\
         const WORKGROUP: u32 = {WORKGROUP}u;\n{ON_A_GPU}\n{BATCH}\n{MATH}\n{body}"
    )
}

/// Most rows whose scalings, and most numbers of `params` at places unknown, are written out.
const MOST_WRITTEN_OUT: usize = 16;

/// A complete WGSL text for a GPU that is a few cores in disguise. All memory is the same there, and what is read from a buffer or
/// from a workgroup's memory is read lane by lane, which takes longer than the arithmetic. So numbers of `params` at known places,
/// all of them where they are few, and the scalings of few rows are written out, and what invocations leave in the workgroup's
/// memory to save registers, each on its seat, is their own.
pub fn in_software(wgsl: &str, params: &[f32], scaling: &[[f32; 2]]) -> String {
    let own = wgsl.replacen(ON_A_GPU, IN_SOFTWARE, 1).replace("var<workgroup>", "var<private>");
    let mut parts = own.split("params[");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let known = part.split_once(']').and_then(|(place, rest)| {
            let number = params.get(place.parse::<usize>().ok()?)?;
            // There is no literal for what is not finite.
            number.is_finite().then(|| format!("({number:?}f){rest}"))
        });
        text += &known.unwrap_or_else(|| format!("params[{part}"));
    }
    if text.contains("params[") && is_written_out(params.len(), params) {
        let numbers: Vec<String> = params.iter().map(|number| format!("{number:?}f")).collect();
        let known = format!("const PARAMS = array<f32, {}>({});\n", numbers.len(), numbers.join(", "));
        text = known + &text.replace("params[", "PARAMS[");
    }
    if is_written_out(scaling.len(), scaling.as_flattened()) {
        let rows: Vec<String> = scaling.iter().map(|[slope, inter]| format!("vec2({slope:?}f, {inter:?}f)")).collect();
        let known = format!("const SCALING = array<vec2<f32>, {}>({});\n", rows.len(), rows.join(", "));
        text = known + &text.replace("scaling[obs]", "SCALING[obs]");
    }
    text
}

/// Whether an array of so many numbers or pairs can be written out.
fn is_written_out(n: usize, numbers: &[f32]) -> bool {
    (1..=MOST_WRITTEN_OUT).contains(&n) && numbers.iter().all(|number| number.is_finite())
}

/// The type that voxels are uploaded in.
pub(super) fn on_device(voxel_type: VoxelType) -> VoxelType {
    match voxel_type {
        VoxelType::U64 | VoxelType::I64 | VoxelType::F64 => VoxelType::F32,
        own => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_known_places_are_written_out_in_software() {
        let body = "var<workgroup> kept: array<f32, SEATS>;\nlet x = params[1] - params[0] * params[2] + params[k];";
        let text = in_software(&compose(body, VoxelType::I16, 2), &[0.5, -1e-7, f32::NAN], &[[2.0, 0.0], [1.0, -0.0]]);
        assert!(text.ends_with("let x = (-1e-7f) - (0.5f) * params[2] + params[k];"), "{text}");
        assert!(text.contains("var<private> kept"), "{text}");
        assert!(text.contains("const SEATS: u32 = 1u;") && !text.contains("const SEATS: u32 = WORKGROUP;"), "{text}");
        assert!(
            text.starts_with("const SCALING = array<vec2<f32>, 2>(vec2(2.0f, 0.0f), vec2(1.0f, -0.0f));"),
            "{text}"
        );
        assert!(text.contains("let s = SCALING[obs];"), "{text}");
        let text =
            in_software(&compose(body, VoxelType::I16, 2), &[0.5, -1e-7, 3.0], &[[2.0, 0.0]; MOST_WRITTEN_OUT + 1]);
        assert!(text.starts_with("const PARAMS = array<f32, 3>(0.5f, -1e-7f, 3.0f);"), "{text}");
        assert!(text.ends_with("let x = (-1e-7f) - (0.5f) * (3.0f) + PARAMS[k];"), "{text}");
        assert!(text.contains("let s = scaling[obs];"), "{text}");
    }
}
