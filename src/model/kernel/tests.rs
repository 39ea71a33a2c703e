//! Maps as a kernel: what is computed, what is said about it, and that its WGSL is valid.

use std::path::Path;

use naga::front::wgsl::parse_str;
use naga::valid::{Capabilities, ValidationFlags, Validator};

use super::*;
use crate::device::cpu::Cpu;
use crate::device::{Column, Row, Source};
use crate::volume::{Scaling, VoxelType};

/// What a device puts before a kernel, as far as naga needs it.
const PRELUDE: &str = "
struct Batch { n_voxels: u32 }
const WORKGROUP: u32 = 64u;
@group(0) @binding(0) var<uniform> batch: Batch;
@group(0) @binding(1) var<storage, read> params: array<f32>;
@group(0) @binding(2) var<storage, read> input: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<u32>;
fn load(obs: u32, voxel: u32) -> f32 { return input[obs * batch.n_voxels + voxel]; }
fn store_f32(column: u32, voxel: u32, value: f32) { output[column * batch.n_voxels + voxel] = bitcast<u32>(value); }
fn store_u16(column: u32, voxel: u32, value: u32) { output[column * batch.n_voxels + voxel] = value; }
fn store_nan(column: u32, voxel: u32) { output[column * batch.n_voxels + voxel] = 0x7fc00000u; }
fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }
fn exp_accurate(x: f32) -> f32 { return exp(x); }
fn ln_accurate(x: f32) -> f32 { return log(x); }
fn finish() {}
";

fn validate(body: &str) -> Result<(), String> {
    if !body.ends_with("    finish();\n}\n") {
        return Err("the last statement is not `finish();`".into());
    }
    let text = format!("{PRELUDE}{body}");
    let module = parse_str(&text).map_err(|e| e.emit_to_string(&text))?;
    Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .map(|_| ())
        .map_err(|e| e.emit_to_string(&text))
}

/// A map of images `a`, `b` and the number `s`, for formulas that use them all.
fn map(formula: &str, guards: &[&str], valid: Option<[f64; 2]>) -> MapModel {
    let valid = valid.map_or(String::new(), |[low, high]| format!("valid = [{low:?}, {high:?}]"));
    let inputs = ["a", "b", "s"].map(|name| format!("[[inputs]]\nname = '{name}'\ndoc = ''\n"));
    let text = format!(
        "schema = 1\ntitle = ''\nreference = {{ source = '' }}\nmodality = ['MR']\nformula = '{formula}'\n\
         unit = ''\npositive = {guards:?}\n{valid}\n{}",
        inputs.join("")
    );
    MapModel::parse("map", &text, Path::new("map.toml")).unwrap()
}

fn bound<'m>(name: &str, map: &'m MapModel) -> BoundMap<'m> {
    BoundMap::new(name, map).image("a", 0).image("b", 1).number("s", 2.0)
}

/// Runs over rows of f32 voxels.
fn run(kernel: &MapKernel, rows: &[Vec<f32>], precision: Precision, batch: usize) -> Vec<Column> {
    let rows: Vec<Row> = rows
        .iter()
        .map(|row| Row { bytes: bytemuck::cast_slice(row), voxel_type: VoxelType::F32, scaling: Scaling::IDENTITY })
        .collect();
    let n = rows[0].bytes.len() / 4;
    let cpu = Cpu::new(1, precision).unwrap().with_batch_voxels(batch);
    cpu.run(kernel, &Source::new(rows, n, None))
}

fn floats(column: &Column) -> Vec<f64> {
    column.clone().into_f64()
}

#[test]
fn every_shipped_map_is_valid_wgsl() {
    for map in MapModel::all() {
        let shader = map.wgsl().unwrap();
        validate(&shader.body).unwrap_or_else(|e| panic!("{}: {e}", map.name));
        // The same with every number bound, where the params are.
        let numbers = map.inputs.iter().skip(1);
        let one_image = BoundMap::new("out", map).image(&map.inputs[0].name, 0);
        let all_bound = numbers.fold(one_image, |m, input| m.number(&input.name, 3.0));
        let shader = MapKernel::new(&[all_bound]).unwrap().shader(1).unwrap();
        validate(&shader.body).unwrap_or_else(|e| panic!("{}: {e}", map.name));
    }
    assert!(validate("fn main() { let x = nonsense; }").is_err());
}

#[test]
fn every_operator_is_valid_wgsl() {
    let every = "exp(a) + log(b) * sqrt(s) / -sin(a) - cos(b) ^ a + abs(a) * min(a, b) - max(-1.5, b) + a^-3 + s^a";
    let map = map(every, &["a", "b - 1e-30"], Some([-3.0, 1e38]));
    let kernel = MapKernel::new(&[bound("x", &map)]).unwrap();
    let body = kernel.shader(2).unwrap().body;
    validate(&body).unwrap();
    for name in ["op_exp", "op_log", "op_sin", "op_cos", "op_pow", "op_min", "op_max", "op_div"] {
        assert!(body.rsplit_once("fn main").unwrap().1.contains(name), "{name}");
    }
}

#[test]
fn maps_of_the_same_images_share_their_work() {
    let subtraction = MapModel::builtin("subtraction").unwrap();
    let relative = MapModel::builtin("relative_enhancement").unwrap();
    let scaled = MapModel::builtin("noise_scaled_enhancement").unwrap();
    let both = |name, map| BoundMap::new(name, map).image("pre", 0).image("post", 1);
    let kernel = MapKernel::new(&[
        both("subtraction", subtraction),
        both("relative", relative),
        both("scaled", scaled).number("sigma", 5.0),
    ])
    .unwrap();
    // One difference, ·100, /pre, /(σ√2).
    assert_eq!(kernel.operations(), 4);
    let shader = kernel.shader(2).unwrap();
    assert_eq!(shader.params, [(5.0 * 2f64.sqrt()) as f32, 5.0]);
    let main = shader.body.rsplit_once("fn main").unwrap().1;
    assert_eq!(main.matches("load(").count(), 2);
    validate(&shader.body).unwrap();
}

#[test]
fn columns_are_the_maps_then_the_status() {
    let map = map("a + b + s", &[], None);
    let kernel = MapKernel::new(&[bound("x", &map), bound("y", &map)]).unwrap();
    let columns = kernel.columns();
    let names: Vec<_> = columns.iter().map(|c| (c.name.as_str(), c.kind)).collect();
    use ColumnType::{F32, U16};
    assert_eq!(names, [("x", F32), ("y", F32), ("status", U16)]);
    assert_eq!(kernel.label(), "maps x y");
}

#[test]
fn each_remark_is_made_where_it_holds() {
    let nan = f32::NAN;
    let quotient = map("a / b * s", &["a + 10"], Some([-4.0, 6.0]));
    let other = map("a + 0*b*s", &[], None);
    let a = vec![1.0, 3.0, 3.1, -2.0, -2.1, -10.0, nan, 1.0, 1.0, f32::INFINITY];
    let b = vec![1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, nan, 0.0, 1.0];
    let values = [2.0, 6.0, 6.2, -4.0, -4.2, nan, nan, nan, nan, nan];
    // At the limits is inside; at 0 a guard fails; b is used by both maps.
    let status = [0, 0, 4, 0, 4, 2, 1, 1, 8, 1];
    let kernel = MapKernel::new(&[bound("quotient", &quotient), bound("other", &other)]).unwrap();
    for precision in [Precision::F32, Precision::F64] {
        let columns = run(&kernel, &[a.clone(), b.clone()], precision, 4);
        for (got, want) in floats(&columns[0]).into_iter().zip(values) {
            let want = f64::from(want);
            assert!((got - want).abs() < 1e-6 || got.is_nan() && want.is_nan(), "{got} {want}");
        }
        assert_eq!(columns[2], Column::U16(status.to_vec()));
        assert_eq!(floats(&columns[1])[5], -10.0);
    }
}

#[test]
fn a_bad_voxel_spoils_only_the_maps_that_use_its_image() {
    let subtraction = MapModel::builtin("subtraction").unwrap();
    let of = |name, post| BoundMap::new(name, subtraction).image("pre", 0).image("post", post);
    let kernel = MapKernel::new(&[of("arterial", 1), of("portal", 2)]).unwrap();
    let rows = [vec![1.0f32], vec![f32::NAN], vec![5.0]];
    let columns = run(&kernel, &rows, Precision::F32, 1);
    assert!(floats(&columns[0])[0].is_nan());
    assert_eq!(floats(&columns[1]), [4.0]);
    assert_eq!(columns[2], Column::U16(vec![1]));
}

#[test]
fn a_value_beyond_float32_is_no_value_in_either_precision() {
    let product = map("a * b * s", &[], None);
    let kernel = MapKernel::new(&[bound("x", &product)]).unwrap();
    for precision in [Precision::F32, Precision::F64] {
        let columns = run(&kernel, &[vec![1e30, 1.0], vec![1e30, 1.0]], precision, 2);
        assert!(floats(&columns[0])[0].is_nan() && floats(&columns[0])[1] == 2.0);
        assert_eq!(columns[1], Column::U16(vec![8, 0]));
    }
}

#[test]
fn results_do_not_depend_on_the_batch() {
    let map = map("log(a) * sqrt(b) + s", &["a - 3"], Some([0.0, 8.0]));
    let kernel = MapKernel::new(&[bound("x", &map)]).unwrap();
    let a: Vec<f32> = (0..3000).map(|i| i as f32 * 0.01).collect();
    let b: Vec<f32> = (0..3000).map(|i| (i % 17) as f32 - 1.0).collect();
    let bits = |batch| {
        let columns = run(&kernel, &[a.clone(), b.clone()], Precision::F32, batch);
        let values: Vec<u64> = floats(&columns[0]).iter().map(|v| v.to_bits()).collect();
        (values, columns[1].clone())
    };
    let whole = bits(3000);
    for batch in [1, 7, 512, 513, 2999] {
        assert!(bits(batch) == whole, "{batch}");
    }
}

#[test]
fn bindings_that_do_not_fit_are_refused() {
    let map = map("a + b + s", &[], None);
    let refuse = |maps: &[BoundMap]| MapKernel::new(maps).unwrap_err().to_string();
    let unbound = BoundMap::new("x", &map).image("a", 0).image("b", 1);
    assert!(refuse(std::slice::from_ref(&unbound)).contains("input `s` is not given"));
    assert!(refuse(&[bound("x", &map).number("s", 1.0)]).contains("`s` is given twice"));
    assert!(refuse(&[bound("x", &map).number("t", 1.0)]).contains("no input `t`"));
    assert!(refuse(&[unbound.number("s", f64::NAN)]).contains("`s` is NaN"));
    assert!(refuse(&[bound("x", &map), bound("x", &map)]).contains("has this name"));
    assert!(refuse(&[bound("status", &map)]).contains("has this name"));
    assert!(refuse(&[BoundMap::new("x", &map)]).contains("hepar maps show map"));
}
