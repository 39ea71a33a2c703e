//! Sums of squares with several minima: fits end in the lowest, as a search from many places over the bounds in f64 finds it.

use hepar::device::Precision;
use hepar::fit::nlls::{NllsOptions, Problem};
use hepar::model::SignalModel;
use hepar::simulate::{Noise, Rng, add_noise};
use libtest_mimic::{Failed, Trial};

use super::{cpu, fit, sums_of_squares};
use crate::protocol;
use crate::tolerances::{NLLS_EXCESS, NLLS_SHARE};

const N_VOXELS: usize = 1000;
const SNR: f64 = 30.0;

/// A model, the truth's range of each fitted parameter, and where searches start: each place of one with each of the others.
struct Case {
    model: &'static str,
    noise: Noise,
    truth: &'static [(&'static str, [f64; 2])],
    starts: &'static [(&'static str, &'static [f64])],
}

const CASES: [Case; 3] = [
    Case {
        model: "fat_water",
        noise: Noise::Rician,
        truth: &[("S0", [0.5, 1.5]), ("R2star", [20.0, 150.0]), ("PDFF", [0.0, 1.0])],
        starts: &[
            ("R2star", &[5.0, 30.0, 80.0, 200.0, 500.0]),
            ("PDFF", &[0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99]),
        ],
    },
    Case {
        model: "t1_ir",
        noise: Noise::Rician,
        truth: &[("S0", [0.5, 1.5]), ("inversion", [1.5, 2.0]), ("T1", [200.0, 3000.0])],
        starts: &[
            ("inversion", &[0.8, 1.2, 1.5, 1.8, 2.0, 2.3]),
            ("T1", &[30.0, 60.0, 120.0, 200.0, 300.0, 450.0, 650.0, 900.0, 1300.0, 2000.0, 3000.0, 5000.0]),
        ],
    },
    Case {
        model: "bolus_lognormal",
        noise: Noise::Gaussian,
        truth: &[
            ("S0", [0.05, 0.2]),
            ("enhancement", [0.5, 1.5]),
            ("sigma", [0.3, 0.9]),
            ("rise", [4.0, 20.0]),
            ("delay", [2.0, 25.0]),
        ],
        starts: &[
            ("sigma", &[0.2, 0.4, 0.7, 1.1]),
            ("rise", &[2.0, 5.0, 10.0, 20.0, 40.0]),
            ("delay", &[0.5, 4.0, 8.0, 12.0, 16.0, 20.0, 26.0, 35.0]),
        ],
    },
];

pub fn trials() -> Vec<Trial> {
    let trial = |case: &'static Case| {
        Trial::test(format!("nlls_finds_the_lowest_minimum_of_{}", case.model), || lowest(case))
    };
    CASES.iter().map(trial).collect()
}

fn signals(case: &Case, model: &SignalModel, axes: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, Failed> {
    let problem = Problem::new(model, axes, &NllsOptions::default())?;
    let names: Vec<&str> = problem.choice.fitted().map(|i| model.parameters[i].name.as_str()).collect();
    let mut all = Vec::new();
    for v in 0..N_VOXELS {
        let truth = (0u32..).zip(&names).zip(&problem.scales).map(|((i, name), scale)| {
            let [low, high] = case.truth.iter().find(|(known, _)| known == name).map_or([f64::NAN; 2], |(_, range)| *range);
            (low + (high - low) * Rng::new(17).stream(i).uniforms(v as u64)[0]) / scale
        });
        let mut noisy: Vec<f32> = problem.program.signals(&truth.collect::<Vec<_>>()).iter().map(|&s| s as f32).collect();
        let largest = noisy.iter().copied().fold(0.0, f32::max);
        add_noise(&mut noisy, largest / SNR as f32, case.noise, 1000 + v as u64);
        all.push(noisy.into_iter().map(f64::from).collect());
    }
    Ok(all)
}

fn lowest(case: &Case) -> Result<(), Failed> {
    let model = SignalModel::builtin(case.model)?;
    let axes = protocol::of(model, &[])?;
    let signals = signals(case, model, &axes)?;
    let mut best = vec![f64::INFINITY; N_VOXELS];
    let n_searches: usize = case.starts.iter().map(|(_, places)| places.len()).product();
    for search in 0..n_searches {
        let mut rest = search;
        let mut start = Vec::new();
        for (name, places) in case.starts {
            start.push(((*name).to_owned(), places[rest % places.len()]));
            rest /= places.len();
        }
        let options = NllsOptions { start, ..NllsOptions::default() };
        let maps = fit(&cpu(Precision::F64), model, &axes, &options, &signals)?;
        let sums = sums_of_squares(model, &axes, &maps, &signals)?;
        best.iter_mut().zip(sums).for_each(|(best, sum)| *best = best.min(sum));
    }
    let share = |sums: &[f64]| {
        let in_lowest = sums.iter().zip(&best).filter(|(sum, best)| **sum <= (1.0 + NLLS_EXCESS) * **best);
        in_lowest.count() as f64 / N_VOXELS as f64
    };
    for precision in [Precision::F32, Precision::F64] {
        let maps = fit(&cpu(precision), model, &axes, &NllsOptions::default(), &signals)?;
        let found = share(&sums_of_squares(model, &axes, &maps, &signals)?);
        println!("{} {precision:?}: {:.2} % end in the lowest minimum of {n_searches} searches", case.model, 100.0 * found);
        assert!(found >= NLLS_SHARE, "{precision:?}: {found} end in the lowest minimum");
    }
    // One search from one place does not: there are several minima.
    let (name, places) = case.starts[case.starts.len() - 1];
    let options = NllsOptions { start: vec![(name.into(), places[places.len() - 1])], ..NllsOptions::default() };
    let maps = fit(&cpu(Precision::F64), model, &axes, &options, &signals)?;
    let found = share(&sums_of_squares(model, &axes, &maps, &signals)?);
    println!("{}: {:.1} % from the last place of {name} alone", case.model, 100.0 * found);
    assert!(found < NLLS_SHARE, "{found} from one place: the comparison cannot fail");
    Ok(())
}
