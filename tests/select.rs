//! `hepar fit --models`: the model that made the signals is chosen, and one that the samples do not allow never is.

use hepar::device::{Column, Cpu, Precision, Row, Source};
use hepar::fit::design::{bounds, sigma};
use hepar::fit::nlls::{NllsKernel, NllsOptions, Quantity};
use hepar::fit::select::{Candidate, akaike_weights};
use hepar::model::SignalModel;
use hepar::model::signal::program::{Choice, SampleProgram};
use hepar::simulate::{Noise, add_noise};
use hepar::volume::{Scaling, VoxelType};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::goodness::Folder;

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("select_chooses_the_model_that_made_the_signals", bars),
        Trial::test("select_writes_choice_weights_and_averages", writes),
        Trial::test("select_leaves_out_what_four_samples_do_not_allow", four_samples),
        Trial::test("select_refuses_what_cannot_be_compared", refusals),
    ]
}

const MODELS: [&str; 3] = ["adc", "kurtosis", "ivim"];
const N: usize = 4000;
const SNR: f64 = 50.0;

/// Ten to sixteen b-values, s/mm², that meet the demands of all three models.
const PROTOCOLS: [&[f64]; 4] = [
    &[0.0, 10.0, 30.0, 60.0, 120.0, 250.0, 500.0, 1000.0, 1500.0, 2000.0],
    &[0.0, 10.0, 20.0, 40.0, 70.0, 120.0, 250.0, 500.0, 800.0, 1200.0, 1600.0, 2000.0],
    &[0.0, 10.0, 20.0, 30.0, 40.0, 60.0, 80.0, 120.0, 250.0, 500.0, 800.0, 1200.0, 1600.0, 2000.0],
    &[0.0, 0.0, 10.0, 20.0, 30.0, 40.0, 60.0, 80.0, 120.0, 200.0, 400.0, 600.0, 900.0, 1200.0, 1600.0, 2000.0],
];

/// Values of parameters by their names.
type Given = &'static [(&'static str, f64)];

/// Parameters, and the Cramér-Rao bound of the one that makes the model another than adc, in parts of its value: at most 0.2,
/// so that it lies five standard deviations from what it is in the simpler model.
const TRUTHS: [(&str, Given, Option<&str>); 3] = [
    ("adc", &[("ADC", 1.1e-3)], None),
    ("kurtosis", &[("D", 1.5e-3), ("K", 1.0)], Some("K")),
    ("ivim", &[("D", 1.1e-3), ("f", 0.25), ("Dstar", 0.05)], Some("f")),
];
const MOST_BOUND: f64 = 0.2;

/// How often each model is chosen for N voxels of Gaussian noise.
fn chosen(protocol: &[f64], name: &str, given: &[(&str, f64)], telling: Option<&str>) -> Result<[f64; 3], Failed> {
    let model = SignalModel::builtin(name)?;
    let given: Vec<(String, f64)> = given.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    let (choice, axes, truth) = (Choice::of(model), [protocol.to_vec()], model.truth(&given)?);
    let sigma = sigma(model, &choice, &axes, &truth, SNR)?;
    let bound = bounds(model, &choice, &axes, &truth, sigma)?.into_iter().find(|bound| Some(bound.name.as_str()) == telling);
    if let Some(bound) = bound {
        assert!(bound.sd <= MOST_BOUND * bound.truth, "{name}: the parameters cannot be told apart: {bound:?}");
    }
    let program = SampleProgram::new(model, &choice, &axes, &vec![1.0; truth.len()]).map_err(|fault| fault.problem)?;
    let mut voxels: Vec<f32> = program.signals(&truth).iter().flat_map(|&signal| vec![signal as f32; N]).collect();
    add_noise(&mut voxels, sigma as f32, Noise::Gaussian, 11);
    let rows = || voxels.chunks(N).map(|row| Row { bytes: bytemuck::cast_slice(row), voxel_type: VoxelType::F32, scaling: Scaling::IDENTITY });
    let mut fits = Vec::new();
    for name in MODELS {
        let model = SignalModel::builtin(name)?;
        let wanted = |output: &hepar::fit::nlls::NllsOutput| matches!(output.quantity, Quantity::Aicc | Quantity::Rmse);
        let kernel = NllsKernel::new(model, &axes, &NllsOptions::default(), wanted)?;
        let columns = Cpu::new(2, Precision::F32)?.run(&kernel, &Source::new(rows().collect(), N, None));
        let columns: Vec<Vec<f64>> = columns.into_iter().map(Column::into_f64).collect();
        let n_parameters = Choice::of(model).fitted().count();
        // rmse comes before AICc.
        fits.push((0..N).map(|v| Candidate { rmse: columns[0][v], aicc: columns[1][v], n_parameters }).collect::<Vec<_>>());
    }
    let mut counts = [0; 3];
    for v in 0..N {
        let candidates: Vec<Candidate> = fits.iter().map(|fit| fit[v]).collect();
        let place = akaike_weights(&candidates, &mut [0.0; 3]).ok_or("no model is chosen")?;
        counts[place] += 1;
    }
    Ok(counts.map(|count| f64::from(count) / N as f64))
}

/// One more parameter without effect lowers AICc of n samples by more than d, against two, where F(1, n − 3) exceeds
/// (n − 3)·(exp((2 + d + c₄ − c₃)/n) − 1), c being the corrections 2k(k + 1)/(n − k − 1): for 16 samples in 9.2 % of voxels with
/// d = 0, to which those of two more parameters come. The least AICc alone would miss the bar of 90 % there.
fn bars() -> Result<(), Failed> {
    for protocol in PROTOCOLS {
        for (place, ((name, truth, telling), bar)) in TRUTHS.into_iter().zip([0.9, 0.8, 0.8]).enumerate() {
            let shares = chosen(protocol, name, truth, telling)?;
            println!("| {} | {name} | {:.1} % | {:.1} % | {:.1} % |", protocol.len(), 100.0 * shares[0], 100.0 * shares[1], 100.0 * shares[2]);
            assert!(shares[place] >= bar, "{name}, {} b-values: {shares:?}", protocol.len());
        }
    }
    // With too little of it, what made the signals is not chosen: the bars can fail.
    let faint = chosen(PROTOCOLS[1], "kurtosis", &[("D", 1.5e-3), ("K", 0.05)], None)?;
    assert!(faint[1] < 0.8, "{faint:?}");
    Ok(())
}

fn writes() -> Result<(), Failed> {
    // The folder's b-values allow adc and ivim.
    let folder = Folder::new("--model ivim --truth D=1.1e-3 --truth f=0.25 --truth Dstar=0.05 --snr 50 --noise gaussian")?;
    let options = "--models adc,kurtosis,ivim --select aicc --format nii --device cpu";
    folder.fitted("out", options)?;
    let map = |name: &str| folder.map(&format!("out/{name}.nii"));
    let (adc, ivim, chosen) = (map("weight_adc")?, map("weight_ivim")?, map("chosen_model")?);
    let [adc_aicc, ivim_aicc] = [map("adc/AICc")?, map("ivim/AICc")?];
    let averages = [("S0_averaged", "S0", "S0", 1000.0), ("D_averaged", "ADC", "D", 1e-3)];
    for (name, of_adc, of_ivim, scale) in averages {
        let (average, a, b) = (map(name)?, map(&format!("adc/{of_adc}"))?, map(&format!("ivim/{of_ivim}"))?);
        for v in 0..average.len() {
            // Straight from the definition.
            let likelihood = |aicc: f64| (-0.5 * (aicc - adc_aicc[v].min(ivim_aicc[v]))).exp();
            let (l_adc, l_ivim) = (likelihood(adc_aicc[v]), likelihood(ivim_aicc[v]));
            let weight = l_adc / (l_adc + l_ivim);
            assert!((adc[v] - weight).abs() < 1e-6 && (ivim[v] - (1.0 - weight)).abs() < 1e-6, "voxel {v}");
            assert_eq!(chosen[v], if adc_aicc[v] <= ivim_aicc[v] + 2.0 { 1.0 } else { 2.0 }, "voxel {v}");
            let want = weight * a[v] + (1.0 - weight) * b[v];
            assert!((average[v] - want).abs() < 1e-6 * scale, "{name}, voxel {v}: {} and not {want}", average[v]);
        }
        assert!(average.iter().zip(&a).any(|(x, a)| (x - a).abs() > 1e-3 * scale), "{name} is that of one model");
    }
    let share = chosen.iter().filter(|&&model| model == 2.0).count() as f64 / chosen.len() as f64;
    assert!((0.1..0.9).contains(&share), "of eight samples both are chosen here and there: {share}");
    let sidecar: Value = serde_json::from_slice(&std::fs::read(folder.path("out/chosen_model.json"))?)?;
    assert_eq!(sidecar["models"], serde_json::json!({"1": "adc", "2": "ivim"}));
    assert!(sidecar["left_out"]["kurtosis"].as_str().is_some_and(|why| why.contains("b >= 1000")), "{sidecar}");
    assert!(folder.path("out/ivim/hepar.json").is_file() && folder.path("out/hepar.json").is_file());
    assert!(!folder.path("out/kurtosis").exists());
    // What is there is not replaced, and nothing is begun.
    std::fs::create_dir_all(folder.path("other/ivim"))?;
    std::fs::write(folder.path("other/ivim/notes.txt"), "mine")?;
    assert_eq!(folder.fit("other", options)?.0, 73);
    assert!(!folder.path("other/adc").exists());
    // adc is fitted to the signals, not to their logarithms.
    let sidecar: Value = serde_json::from_slice(&std::fs::read(folder.path("out/adc/ADC.json"))?)?;
    assert_eq!(sidecar["method"], "nlls");
    Ok(())
}

fn four_samples() -> Result<(), Failed> {
    let folder = Folder::new("--model ivim --truth D=1.1e-3 --truth f=0.25 --truth Dstar=0.05 --snr 50")?;
    for b in ["0,50,400,800", "50,200,400,800"] {
        let (status, text) = folder.fit("out", &format!("--models adc,kurtosis,ivim --b-use {b} --format nii --device cpu --force"))?;
        assert!(status == 0 && text.contains("ivim is left out") && text.contains("kurtosis is left out"), "{status}: {text}");
        let (chosen, weight) = (folder.map("out/chosen_model.nii")?, folder.map("out/weight_adc.nii")?);
        assert!(chosen.iter().chain(&weight).all(|&value| value == 1.0), "b = {b}");
        assert!(!folder.path("out/weight_ivim.nii").exists() && !folder.path("out/ivim").exists());
    }
    Ok(())
}

fn refusals() -> Result<(), Failed> {
    let folder = Folder::new("--model adc --snr 20")?;
    for (options, words) in [
        ("--models adc,ivim --method iwlls", "leave --method out"),
        ("--models adc,ivim --model ivim", "cannot be used with"),
        ("--models adc,ivim --write ADC", "cannot be used with"),
        ("--select aicc", "--models"),
        ("--models adc,t2", "other axes"),
        ("--models adc,adc", "named twice"),
        ("--models adc,ivim,ivim", "named twice"),
        ("--models adc,ivim --robust", "cannot be used with"),
        ("--models adc,ivims", "did you mean `ivim`?"),
        ("--models adc,ivim --fix K=1", "none of these models has a parameter `K`"),
        ("--models kurtosis,ivim --b-use 0,50,400,800", "allow no choice"),
    ] {
        let (status, text) = folder.fit("out", options)?;
        assert!(status == 2 && text.contains(words), "{options}: {status}: {text}");
        assert!(!folder.path("out/hepar.json").exists(), "{options} looks done");
    }
    Ok(())
}
