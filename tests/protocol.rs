//! Samples that determine each shipped model: those of its reference fits in `data/reference/signal`.

use std::path::{Path, PathBuf};

use hepar::model::SignalModel;
use libtest_mimic::Failed;

/// The file of a model's reference fits.
pub fn reference(model: &SignalModel) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("data/reference/signal/{}.csv", model.name))
}

/// `[axis][sample]` of the lines `# axis NAME UNIT VALUES...` that a file begins with.
pub fn axes(model: &SignalModel, text: &str) -> Result<Vec<Vec<f64>>, Failed> {
    let mut axes = Vec::new();
    for (line, axis) in text.lines().filter(|line| line.starts_with('#')).zip(&model.axes) {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!((words[2], words[3]), (axis.name.as_str(), axis.unit.as_str()), "{line}");
        axes.push(words[4..].iter().map(|word| word.parse()).collect::<Result<_, _>>()?);
    }
    assert_eq!(axes.len(), model.axes.len());
    Ok(axes)
}

/// The b-values given for models of b alone; those of the reference fits for others.
pub fn of(model: &SignalModel, b_values: &[f64]) -> Result<Vec<Vec<f64>>, Failed> {
    match model.axes.as_slice() {
        [axis] if axis.name == "b" => Ok(vec![b_values.to_vec()]),
        _ => axes(model, &std::fs::read_to_string(reference(model))?),
    }
}
