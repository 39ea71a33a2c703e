//! The models and shaders are embedded: a new file must cause a rebuild.
fn main() {
    for folder in ["models", "shaders", "data"] {
        println!("cargo:rerun-if-changed={folder}");
    }
}
