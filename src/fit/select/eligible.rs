//! Which models the samples allow.

use crate::fit::FitMethod;
use crate::{Error, Result};

/// Models that can be chosen, and the others.
#[derive(Debug, Clone)]
pub struct Eligible {
    /// In the order given.
    pub models: Vec<FitMethod>,
    /// In the order given.
    pub left_out: Vec<LeftOut>,
}

/// A model that cannot be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name.
    pub model: String,
    /// Why.
    pub reason: String,
}

/// Leaves out the models whose files ask for other samples than `axes`, `[axis][sample]`, and those for which AICc is not
/// defined with so many. A model that is the only one whose demands are met needs no criterion; where several are met and AICc
/// is defined for none, the one of fewest parameters stands alone.
///
/// # Errors
/// [`Error::Usage`] where no model is left, or none stands alone.
pub fn eligible(models: &[FitMethod], axes: &[Vec<f64>]) -> Result<Eligible> {
    let n_samples = axes.first().map_or(0, Vec::len);
    let (mut met, mut left_out): (Vec<(FitMethod, usize)>, Vec<LeftOut>) = (Vec::new(), Vec::new());
    let mut leave_out = |method: &FitMethod, reason| left_out.push(LeftOut { model: method.model().into(), reason });
    for method in models {
        let forced = matches!(method, FitMethod::Nlls { force: true, .. });
        let unmet = if forced { Vec::new() } else { method.signal_model()?.unmet(axes) };
        match unmet.as_slice() {
            [] => met.push((method.clone(), method.fitted_names()?.len())),
            unmet => leave_out(method, format!("it needs {}", unmet.join(" and "))),
        }
    }
    // σ is a parameter, too.
    let is_defined = |n_parameters: usize| n_samples > n_parameters + 2;
    let fewest = met.iter().map(|&(_, n)| n).min().unwrap_or(0);
    let stands_alone = |n: usize| met.len() == 1 || (!is_defined(fewest) && n == fewest);
    let mut chosen = Vec::new();
    for (method, n) in &met {
        if is_defined(*n) || stands_alone(*n) {
            chosen.push(method.clone());
        } else {
            leave_out(
                method,
                format!("AICc needs more than {} samples for its {n} parameters ({n_samples} are there)", n + 2),
            );
        }
    }
    if chosen.is_empty() || (chosen.len() > 1 && !is_defined(fewest)) {
        let reasons: Vec<String> = left_out.iter().map(|l| format!("{}: {}", l.model, l.reason)).collect();
        let problem = "these samples allow no choice among these models";
        return Err(Error::Usage(format!(
            "{problem}\n    {}\n  remedy: take more samples, or fit one model with --model",
            reasons.join("\n    ")
        )));
    }
    Ok(Eligible { models: chosen, left_out })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::nlls::NllsOptions;
    use crate::model::SignalModel;

    fn method(name: &str, force: bool) -> FitMethod {
        let model = Box::new(SignalModel::builtin(name).unwrap().clone());
        FitMethod::Nlls { model, options: NllsOptions::default(), force }
    }

    /// The names of those that are left, and of those that are not.
    fn names(models: &[&str], b: &[f64]) -> Option<(Vec<String>, Vec<String>)> {
        let models: Vec<FitMethod> = models.iter().map(|name| method(name, false)).collect();
        let Eligible { models, left_out } = eligible(&models, &[b.to_vec()]).ok()?;
        Some((models.iter().map(|m| m.model().to_owned()).collect(), left_out.into_iter().map(|l| l.model).collect()))
    }

    fn some(left: &[&str], out: &[&str]) -> Option<(Vec<String>, Vec<String>)> {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Some((owned(left), owned(out)))
    }

    const THREE: [&str; 3] = ["adc", "kurtosis", "ivim"];

    #[test]
    fn what_the_samples_do_not_meet_is_left_out() {
        let all = [0.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];
        assert_eq!(names(&THREE, &all), some(&THREE, &[]));
        assert_eq!(names(&THREE, &all[..7]), some(&["adc", "ivim"], &["kurtosis"]));
        // Six samples are one too few for the five parameters of ivim, σ among them.
        assert_eq!(names(&THREE, &all[1..7]), some(&["adc"], &["kurtosis", "ivim"]));
        let forced = eligible(&[method("adc", false), method("kurtosis", true)], &[all[..7].to_vec()]).unwrap();
        assert!(forced.left_out.is_empty());
    }

    #[test]
    fn four_samples_leave_the_simplest() {
        assert_eq!(names(&THREE, &[0.0, 50.0, 400.0, 800.0]), some(&["adc"], &["kurtosis", "ivim"]));
        // Kurtosis has the samples it asks for, but neither model has an AICc.
        assert_eq!(names(&THREE, &[0.0, 200.0, 500.0, 1000.0]), some(&["adc"], &["ivim", "kurtosis"]));
    }

    #[test]
    fn where_nothing_can_be_chosen_it_is_said_why() {
        let models = [method("kurtosis", false), method("ivim", false)];
        let error = eligible(&models, &[vec![0.0, 50.0, 400.0, 800.0]]).unwrap_err();
        assert_eq!(error.exit_status(), 2);
        assert!(error.to_string().contains("ivim: it needs at least 2 samples with b from 10 to 150"), "{error}");
        // Two models of as many parameters, and no AICc.
        assert_eq!(names(&["kurtosis", "stretched_exponential"], &[0.0, 200.0, 500.0, 1000.0]), None);
    }
}
