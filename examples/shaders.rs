//! Writes the fits' WGSL as a GPU is given it, for `benches/registers.py`: `cargo run --release --example shaders -- DIR`.
//!
//! Each model that comes with hepar, 10 observations of int16: `MODEL.parameters.wgsl` writes the parameters and the
//! status, `MODEL.all.wgsl` all that the fit can write.

use std::path::PathBuf;

use hepar::device::VoxelKernel;
use hepar::device::shader::compose;
use hepar::fit::nlls::{NllsKernel, NllsOptions, Quantity};
use hepar::model::SignalModel;
use hepar::volume::VoxelType;

/// b-values in s/mm²; `ivim_simplified` makes no difference between them, and other axes do not change a shader's text.
const B: [f64; 10] = [0.0, 10.0, 20.0, 40.0, 80.0, 110.0, 140.0, 200.0, 400.0, 800.0];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("give the folder to write to")?);
    for model in SignalModel::all() {
        let axes = vec![B.to_vec(); model.axes.len()];
        let write = |what: &str, pick: &dyn Fn(Quantity) -> bool| -> Result<(), Box<dyn std::error::Error>> {
            let kernel = NllsKernel::new(model, &axes, &NllsOptions::default(), |output| pick(output.quantity))?;
            let text = compose(&kernel.shader(B.len()).ok_or("no shader")?.body, VoxelType::I16, B.len());
            Ok(std::fs::write(folder.join(format!("{}.{what}.wgsl", model.name)), text)?)
        };
        write("parameters", &|quantity| matches!(quantity, Quantity::Parameter(_) | Quantity::Status))?;
        write("all", &|_| true)?;
    }
    Ok(())
}
