//! Every WGSL file is valid before it ships, put together as the device puts it.

use std::path::{Path, PathBuf};

use hepar::device::shader::compose;
use hepar::volume::VoxelType;
use libtest_mimic::{Failed, Trial};

pub fn trials() -> Vec<Trial> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut trials: Vec<Trial> = wgsl_files(&folder)
        .into_iter()
        .map(|path| {
            let shown = path.strip_prefix(&folder).unwrap_or(&path).display();
            Trial::test(format!("shaders::valid::{shown}"), move || is_valid(&path))
        })
        .collect();
    trials.push(Trial::test(
        "shaders::an_error_is_noticed",
        an_error_is_noticed,
    ));
    trials
}

fn wgsl_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("shaders/ is there");
    let mut paths: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    paths.sort();
    let files = |path: PathBuf| match path.is_dir() {
        true => wgsl_files(&path),
        false => vec![path],
    };
    paths
        .into_iter()
        .flat_map(files)
        .filter(|path| path.extension().is_some_and(|e| e == "wgsl"))
        .collect()
}

/// A file of `common/` is part of every kernel, or of those that name it: it is checked in them. A file with bindings of
/// its own stands alone. Any other is the body of a kernel, after what its Rust side puts before it.
fn is_valid(path: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path)?;
    if path
        .parent()
        .is_some_and(|folder| folder.ends_with("common"))
    {
        return in_every_voxel_type("@compute @workgroup_size(WORKGROUP) fn main() {}");
    }
    if text.contains("@group(") {
        return validate(&text);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    in_every_voxel_type(&with_what_is_given(folder, &text)?)
}

/// A file after what it says stands before it: declarations in lines `// given: ...`, files in lines `// after: ...`.
fn with_what_is_given(folder: &Path, text: &str) -> Result<String, Failed> {
    let mut whole = String::new();
    for line in text.lines() {
        if let Some(declaration) = line.strip_prefix("// given: ") {
            whole += &format!("{declaration}\n");
        }
        if let Some(file) = line.strip_prefix("// after: ") {
            let other = std::fs::read_to_string(folder.join(file))?;
            whole += &with_what_is_given(folder, &other)?;
        }
    }
    Ok(whole + text)
}

fn in_every_voxel_type(body: &str) -> Result<(), Failed> {
    use VoxelType::{F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
    [U8, I8, U16, I16, U32, I32, U64, I64, F32, F64]
        .into_iter()
        .try_for_each(|voxel_type| validate(&compose(body, voxel_type, 4)))
}

fn validate(wgsl: &str) -> Result<(), Failed> {
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|e| e.emit_to_string(wgsl))?;
    let mut validator =
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), Default::default());
    let valid = validator.validate(&module);
    valid.map_err(|e| e.emit_to_string(wgsl))?;
    Ok(())
}

fn an_error_is_noticed() -> Result<(), Failed> {
    let main = "@compute @workgroup_size(WORKGROUP) fn main() ";
    assert!(in_every_voxel_type(&format!("{main} {{ store_f32(0u, 0u, load(0u, 0u)); }}")).is_ok());
    for wrong in [
        "store_f32(0u, 0u, 1u);",
        "let x = lod(0u, 0u);",
        "params[0] = 1.0;",
        "store_f32(",
    ] {
        assert!(
            in_every_voxel_type(&format!("{main} {{ {wrong} }}")).is_err(),
            "{wrong}"
        );
    }
    Ok(())
}
