//! Every shipped model against the fits of an independent program, in `data/reference/signal`.

use hepar::device::Precision;
use hepar::fit::nlls::{NllsOptions, Problem};
use hepar::model::SignalModel;
use libtest_mimic::{Failed, Trial};

use super::{Maps, cpu, fit, sums_of_squares};
use crate::protocol;
use crate::tolerances::{NLLS_PARAMETERS_F64, NLLS_SE_F64, NLLS_SQUARES_F32, NLLS_SQUARES_F64};

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for model in SignalModel::all() {
        let name = format!("nlls_{}_as_the_reference_has_it", model.name);
        trials.push(Trial::test(name, || as_reference(model)));
    }
    trials
}

/// One model's values.
struct Reference {
    axes: Vec<Vec<f64>>,
    head: Vec<String>,
    /// `[row][column]`; NaN where a field is empty.
    rows: Vec<Vec<f64>>,
}

impl Reference {
    fn read(model: &SignalModel) -> Result<Self, Failed> {
        let text = std::fs::read_to_string(protocol::reference(model))?;
        let axes = protocol::axes(model, &text)?;
        let mut lines = text.lines().skip_while(|line| line.starts_with('#'));
        let head = lines.next().ok_or("no head")?.split(',').map(str::to_owned).collect();
        let number = |field: &str| if field.is_empty() { Ok(f64::NAN) } else { field.parse() };
        let rows = lines.map(|line| line.split(',').map(number).collect()).collect::<Result<_, _>>()?;
        Ok(Self { axes, head, rows })
    }

    fn column(&self, name: &str) -> Vec<f64> {
        let at = self.head.iter().position(|head| head == name).unwrap_or_else(|| panic!("no column {name}"));
        self.rows.iter().map(|row| row[at]).collect()
    }

    /// `[row][sample]`
    fn signals(&self) -> Vec<Vec<f64>> {
        let columns: Vec<Vec<f64>> = (0..self.axes[0].len()).map(|k| self.column(&format!("signal_{k}"))).collect();
        (0..self.rows.len()).map(|row| columns.iter().map(|column| column[row]).collect()).collect()
    }
}

/// Worst ratio of a difference to what is allowed.
#[derive(Default)]
struct Worst(f64);

impl Worst {
    fn add(&mut self, difference: f64, allowed: f64) {
        // A NaN counts as a failure.
        let ratio = difference / allowed;
        self.0 = if ratio <= self.0 { self.0 } else if ratio.is_nan() { f64::INFINITY } else { ratio };
    }
}

fn as_reference(model: &SignalModel) -> Result<(), Failed> {
    let reference = Reference::read(model)?;
    let signals = reference.signals();
    assert!(signals.len() >= 40);
    let maps = fit(&cpu(Precision::F64), model, &reference.axes, &NllsOptions::default(), &signals)?;
    forward(model, &reference, &signals)?;
    let [squares, parameters, errors] = compare_f64(model, &reference, &signals, &maps)?;
    assert!(squares <= 1.0, "sum of squares {squares} of the tolerance");
    assert!(parameters <= 1.0, "parameters {parameters} of the tolerance");
    assert!(errors <= 1.0, "standard errors {errors} of the tolerance");
    // The comparison notices a parameter that is off by 1e-3, in each quantity.
    let mut wrong = maps.clone();
    let first = &model.parameters[1].name;
    for name in [first.clone(), format!("{first}_se")] {
        wrong.entry(name).and_modify(|values| values.iter_mut().for_each(|v| *v *= 1.01));
    }
    let off = compare_f64(model, &reference, &signals, &wrong)?;
    assert!(off.iter().all(|&ratio| ratio > 1.0), "{off:?}: the comparison cannot fail");

    let maps = fit(&cpu(Precision::F32), model, &reference.axes, &NllsOptions::default(), &signals)?;
    let sums = sums_of_squares(model, &reference.axes, &maps, &signals)?;
    let mut beyond = 0;
    for ((&sum, &least), &sigma) in sums.iter().zip(&reference.column("ssq")).zip(&reference.column("sigma")) {
        let worse = sum - least > NLLS_SQUARES_F32 * least;
        beyond += usize::from(sigma > 0.0 && worse);
    }
    assert!(beyond <= 1, "f32: {beyond} of {} fits beyond the tolerance", sums.len());
    Ok(())
}

/// The signal of the truth is that of the formula that was written by hand elsewhere.
fn forward(model: &SignalModel, reference: &Reference, signals: &[Vec<f64>]) -> Result<(), Failed> {
    let problem = Problem::new(model, &reference.axes, &NllsOptions::default())?;
    let sigma = reference.column("sigma");
    let truths: Vec<Vec<f64>> =
        problem.choice.fitted().map(|i| reference.column(&format!("true_{}", model.parameters[i].name))).collect();
    for (row, signal) in signals.iter().enumerate().filter(|(row, _)| sigma[*row] == 0.0) {
        let scaled: Vec<f64> = truths.iter().zip(&problem.scales).map(|(truth, scale)| truth[row] / scale).collect();
        let largest = signal.iter().copied().fold(0.0, f64::max);
        for (got, want) in problem.program.signals(&scaled).iter().zip(signal) {
            assert!((got - want).abs() <= 1e-12 * largest, "row {row}: {got} {want}");
        }
    }
    Ok(())
}

/// Sums of squares, parameters and standard errors, relative to their tolerances.
fn compare_f64(
    model: &SignalModel,
    reference: &Reference,
    signals: &[Vec<f64>],
    maps: &Maps,
) -> Result<[f64; 3], Failed> {
    let sums = sums_of_squares(model, &reference.axes, maps, signals)?;
    let (least, sigma) = (reference.column("ssq"), reference.column("sigma"));
    let determined = reference.column("well_determined");
    let [mut squares, mut parameters, mut errors] = [Worst::default(), Worst::default(), Worst::default()];
    for row in 0..signals.len() {
        let size: f64 = signals[row].iter().map(|s| s * s).sum();
        squares.add(sums[row] - least[row], NLLS_SQUARES_F64 * least[row] + 1e-20 * size);
        for parameter in &model.parameters {
            let name = &parameter.name;
            if determined[row] != 1.0 || !reference.head.contains(&format!("fit_{name}")) {
                continue;
            }
            let (got, want) = (maps[name][row], reference.column(&format!("fit_{name}"))[row]);
            parameters.add((got - want).abs(), NLLS_PARAMETERS_F64 * want.abs());
            if sigma[row] > 0.0 {
                let want = reference.column(&format!("se_{name}"))[row];
                errors.add((maps[&format!("{name}_se")][row] - want).abs(), NLLS_SE_F64 * want);
            }
        }
    }
    Ok([squares.0, parameters.0, errors.0])
}
