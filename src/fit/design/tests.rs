//! Bounds against closed forms, and where samples do not determine the parameters.

use super::*;
use crate::model::signal::program::Choice;

fn of(model: &str, b: &[f64], truth: &[f64], sigma: f64) -> Vec<Bound> {
    let model = SignalModel::builtin(model).unwrap();
    bounds(model, &Choice::of(model), &[b.to_vec()], truth, sigma).unwrap()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * b.abs()
}

/// With e = exp(−b·D), JᵀJ is [Σe², −SΣbe²; −SΣbe², S²Σb²e²], whose inverse is written out.
fn mono_exponential(b: &[f64], s0: f64, adc: f64, sigma: f64) -> [f64; 2] {
    let sum = |power: i32| b.iter().map(|b| b.powi(power) * (-2.0 * b * adc).exp()).sum::<f64>();
    let [m0, m1, m2] = [0, 1, 2].map(sum);
    let determinant = m0 * m2 - m1 * m1;
    [sigma * (m2 / determinant).sqrt(), sigma / s0 * (m0 / determinant).sqrt()]
}

#[test]
fn mono_exponential_bounds_are_the_closed_form() {
    for (b, s0, adc, sigma) in [
        (&[0.0, 800.0][..], 1.0, 1.1e-3, 1.0 / 30.0),
        (&[50.0, 200.0, 500.0, 750.0], 350.0, 2.3e-3, 11.0),
        (&[0.0, 0.0, 0.0, 1000.0, 1000.0], 5.0, -0.4e-3, 0.2),
    ] {
        let found = of("adc", b, &[s0, adc], sigma);
        let [of_s0, of_adc] = mono_exponential(b, s0, adc, sigma);
        assert!(close(found[0].sd, of_s0) && close(found[1].sd, of_adc), "{found:?}: {of_s0} {of_adc}");
        assert!(!close(found[1].sd, of_adc * (1.0 + 1e-11)));
        assert_eq!((found[1].name.as_str(), found[1].unit.as_str(), found[1].truth), ("ADC", "mm^2/s", adc));
        assert!(close(found[1].percent(), 100.0 * of_adc / adc.abs()));
    }
}

/// With two samples the fit is exact: ADC = ln(S₁/S₂)/(b₂ − b₁), so that its variance is that of two logarithms.
#[test]
fn two_samples_propagate_through_the_logarithm() {
    let (adc, sigma) = (1.3e-3, 0.02);
    let found = of("adc", &[100.0, 900.0], &[1.0, adc], sigma);
    let relative = |b: f64| (sigma / (-b * adc).exp()).powi(2);
    assert!(close(found[1].sd, (relative(100.0) + relative(900.0)).sqrt() / 800.0));
}

const IVIM: [f64; 4] = [1.0, 1.1e-3, 0.23, 0.07];
const MANY: [f64; 9] = [0.0, 10.0, 20.0, 40.0, 80.0, 150.0, 300.0, 500.0, 800.0];

/// The variance of a product of two is that of a sum of their relative errors, with their covariance: f·D* is checked
/// by the model whose parameter it is.
#[test]
fn derived_quantities_have_the_bound_of_a_parameter_in_their_place() {
    let found = of("ivim", &MANY, &IVIM, 0.02);
    assert_eq!(found[4].name, "fDstar");
    assert!(close(found[4].truth, 0.23 * 0.07));
    let text = "schema = 1\ntitle = ''\nreference = ''\n\
        signal = 'S0 * (f * exp(-b * p / f) + (1 - f) * exp(-b * D))'\n[axis.b]\nunit = ''\n\
        [parameter.S0]\nunit = 'signal'\nbounds = [0, inf]\ndoc = ''\n\
        [parameter.D]\nunit = ''\nbounds = [0, 1]\nscale = 1\ndoc = ''\n\
        [parameter.f]\nunit = ''\nbounds = [0, 1]\nscale = 1\ndoc = ''\n\
        [parameter.p]\nunit = ''\nbounds = [0, 1]\nscale = 1\ndoc = ''\n";
    let product = SignalModel::parse("product", text, std::path::Path::new("product.toml")).unwrap();
    let truth = [1.0, 1.1e-3, 0.23, 0.23 * 0.07];
    let again = bounds(&product, &Choice::of(&product), &[MANY.to_vec()], &truth, 0.02).unwrap();
    for (i, j) in [(0, 0), (1, 1), (2, 2), (4, 3)] {
        let (a, b) = (found[i].sd, again[j].sd);
        // Two inversions of condition 1e3 at most.
        assert!((a - b).abs() < 1e-9 * b, "{:?} {:?}", found[i], again[j]);
        assert!((1.000_001 * a - b).abs() > 1e-9 * b);
    }
}

#[test]
fn more_samples_and_less_noise_tell_more() {
    let once = of("ivim", &MANY, &IVIM, 0.02);
    let twice = of("ivim", &[MANY, MANY].concat(), &IVIM, 0.02);
    let quiet = of("ivim", &MANY, &IVIM, 0.01);
    for ((once, twice), quiet) in once.iter().zip(&twice).zip(&quiet) {
        assert!((once.sd / twice.sd - 2f64.sqrt()).abs() < 1e-9);
        assert!((once.sd / quiet.sd - 2.0).abs() < 1e-12);
    }
}

#[test]
fn fixed_parameters_have_no_bound_and_help_the_others() {
    let model = SignalModel::builtin("ivim").unwrap();
    let mut choice = Choice::of(model);
    choice.fixed[3] = Some(0.07);
    let free = of("ivim", &MANY, &IVIM, 0.02);
    let held = bounds(model, &choice, &[MANY.to_vec()], &IVIM, 0.02).unwrap();
    let names: Vec<&str> = held.iter().map(|bound| bound.name.as_str()).collect();
    assert_eq!(names, ["S0", "D", "f", "fDstar"]);
    assert!(held[2].sd < free[2].sd);
    // With D* known, f·D* is as uncertain as f.
    assert!(close(held[3].sd, 0.07 * held[2].sd));
}

#[test]
fn what_samples_do_not_determine_is_infinite_and_the_rest_is_not() {
    // Three samples for four parameters.
    let few = of("ivim", &[0.0, 200.0, 800.0], &IVIM, 0.02);
    assert!(few.iter().skip(1).all(|bound| bound.sd.is_infinite()), "{few:?}");
    // One b-value alone: neither S0 nor the ADC.
    assert!(of("adc", &[500.0, 500.0], &[1.0, 1e-3], 0.02).iter().all(|bound| bound.sd.is_infinite()));
    // b = 0 alone: S0, and nothing else.
    let zero = of("adc", &[0.0, 0.0, 0.0, 0.0], &[2.0, 1e-3], 0.02);
    assert!(close(zero[0].sd, 0.01) && zero[1].sd.is_infinite(), "{zero:?}");
    assert!(zero[1].remark().unwrap().contains("cannot be known at all"));
    // Without perfusion there is no D*.
    let dry = of("ivim", &MANY, &[1.0, 1.1e-3, 0.0, 0.07], 0.02);
    assert!(dry[3].sd.is_infinite() && dry[..3].iter().all(|bound| bound.sd.is_finite()), "{dry:?}");
    assert!(dry[4].sd.is_finite(), "f·D* moves with f alone there: {dry:?}");
}

#[test]
fn a_bound_above_the_value_is_remarked() {
    let found = of("ivim", &[50.0, 200.0, 500.0, 750.0], &IVIM, 1.0 / 30.0);
    let remark = found[3].remark().unwrap();
    assert!(remark.contains("Dstar cannot be told from 0"), "{remark}");
    assert_eq!(of("adc", &[0.0, 800.0], &[1.0, 1e-3], 0.01)[1].remark(), None);
}

#[test]
fn noise_is_stated_at_the_lowest_sample() {
    assert_eq!(reference_sample(&[vec![800.0, 50.0, 400.0]]), 1);
    assert_eq!(reference_sample(&[vec![0.0, 0.0, 800.0], vec![70.0, 50.0, 1.0]]), 1);
    let model = SignalModel::builtin("adc").unwrap();
    let choice = Choice::of(model);
    let sigma = |snr| sigma(model, &choice, &[vec![800.0, 50.0]], &[300.0, 2e-3], snr);
    assert!(close(sigma(20.0).unwrap(), 300.0 * (-0.1f64).exp() / 20.0));
    for snr in [0.0, -1.0, f64::NAN] {
        assert_eq!(sigma(snr).unwrap_err().exit_status(), 2);
    }
}
