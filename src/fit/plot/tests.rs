//! What is drawn, in numbers.

use super::*;
use crate::fit::nlls::NllsOptions;
use crate::volume::{AxisSource, Grid, Image, SeriesAxis, SeriesOptions, VoxelType};

#[test]
fn three_numbers_are_a_voxel() {
    let place = |text: &str| text.parse::<PlotPlace>().unwrap();
    assert_eq!(place("12, 40,7"), PlotPlace::Voxel([12, 40, 7]));
    for label in ["5", "liver, left", "1,2", "1,2,-3"] {
        assert_eq!(place(label), PlotPlace::Label(label.into()));
    }
}

#[test]
fn samples_are_grouped_by_the_axes_after_the_first() {
    let groups = groups(&[vec![0.0, 50.0, 0.0, 50.0], vec![90.0, 60.0, 60.0, 90.0]]);
    assert_eq!(groups, [(vec![60.0], vec![1, 2]), (vec![90.0], vec![0, 3])]);
}

const SIGMA: f64 = 100.0;

/// The curve that is drawn of one voxel of magnitudes, which are exactly what is expected of S0 = 500 and ADC = 3e-3.
fn curve(noise: NoiseModel) -> Vec<CurvePoint> {
    let b = [0.0, 200.0, 400.0, 800.0, 1200.0];
    let values = b.map(|b| magnitude(b) as f32);
    let affine = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
    let image = |values: &[f32]| Image::from_values("made", Grid { shape: [1, 1, 1], affine }, VoxelType::F32, values);
    let options = SeriesOptions { axes: vec![SeriesAxis::b(AxisSource::List(b.to_vec()))], ..SeriesOptions::default() };
    let mut series = Series::new(vec![image(&values)], &options).unwrap();
    if noise.needs_sigma() {
        series.set_sigma(image(&[SIGMA as f32])).unwrap();
    }
    let model = Box::new(SignalModel::builtin("adc").unwrap().clone());
    let method = FitMethod::Nlls { model, options: NllsOptions { noise, ..NllsOptions::default() }, force: false };
    let plot = PlotPlace::Voxel([0; 3]).find(&series, None).unwrap();
    Fitted::new(&series, &method, &plot.rows(&series)).unwrap().curve(&[]).unwrap()
}

fn magnitude(b: f64) -> f64 {
    (500.0 * (-b * 3e-3).exp()).hypot(SIGMA)
}

#[test]
fn under_rician_noise_the_curve_is_the_expected_magnitude() {
    let agrees =
        |points: &[CurvePoint]| points.iter().all(|point| (point.value / magnitude(point.at) - 1.0).abs() < 1e-5);
    let found = curve(NoiseModel::Rician);
    assert!(found.len() > 2 && agrees(&found));
    assert!(found.iter().all(|point| point.low <= point.value && point.value <= point.high));
    assert!(!agrees(&curve(NoiseModel::Gaussian)), "a decay is drawn where samples are magnitudes");
}
