//! What cannot be fitted says so.

use hepar::fit::nlls::Quantity;
use hepar::fit::status;
use hepar::model::SignalModel;
use libtest_mimic::Failed;

use super::{B, kernel, place, run, simulated, source};
use crate::support::TestDevice;

/// No signal, too few samples, samples that are no number: NaN, and the status says why.
pub fn what_cannot_be_fitted(device: &TestDevice) -> Result<(), Failed> {
    let model = SignalModel::builtin("ivim")?;
    let axes = [B.to_vec()];
    let good = simulated(model, &axes, 300)?;
    let bad = |v: usize, k: usize| match v % 5 {
        0 => 0.0,
        1 => -3.0,
        2 => f32::NAN,
        3 if k > 2 => f32::INFINITY,
        _ => good[k][v],
    };
    let signals: Vec<Vec<f32>> = (0..B.len()).map(|k| (0..300).map(|v| bad(v, k)).collect()).collect();
    for pick in [|_| true, |quantity| quantity != Quantity::Status] {
        let kernel = kernel(model, &axes, pick)?;
        let got = run(&device.open(), &kernel, &source(&signals))?;
        for (output, got) in kernel.outputs().iter().zip(&got) {
            for (v, &value) in got.iter().enumerate() {
                let fitted = v % 5 == 4;
                let good = match output.quantity {
                    Quantity::Status => {
                        let dropped = if v % 5 > 1 { status::SAMPLES_DROPPED } else { 0 };
                        fitted == (value as u16 & status::BAD_INPUT == 0)
                            && (fitted || value as u16 == status::BAD_INPUT | dropped)
                    }
                    Quantity::Iterations => fitted || value == 0.0,
                    _ => fitted || value.is_nan(),
                };
                if !good {
                    return Err(format!("{} of voxel {v} is {}", output.name, value).into());
                }
            }
        }
        let parameter = place(&kernel, Quantity::Parameter(0));
        assert!((4..300).step_by(5).all(|v| got[parameter][v] > 0.0), "good voxels are fitted");
    }
    Ok(())
}
