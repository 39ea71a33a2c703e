//! `hepar bench` says what it measured, of any model, on simulated voxels or a series of the user's.

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::support;

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("bench_measures_any_model", any_model),
        Trial::test("bench_measures_a_series", series),
        Trial::test("bench_refuses_what_does_not_belong_together", refusals),
    ];
    trials.extend(support::on_every_gpu("bench_measures_a_gpu", a_gpu));
    trials
}

fn run(args: &str) -> Result<(i32, String, String), Failed> {
    run_on("cpu", args)
}

fn run_on(device: &str, args: &str) -> Result<(i32, String, String), Failed> {
    let output = support::hepar().arg("bench").args(args.split(' ')).args(["--device", device]).output()?;
    let status = output.status.code().ok_or("killed")?;
    Ok((status, String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
}

fn measured(args: &str) -> Result<Value, Failed> {
    measured_on("cpu", args)
}

fn measured_on(device: &str, args: &str) -> Result<Value, Failed> {
    let (status, said, error) = run_on(device, &format!("{args} --repeats 1 --json"))?;
    assert_eq!(status, 0, "{error}");
    let Value::Array(mut devices) = serde_json::from_str(&said)? else { return Err("no array".into()) };
    assert_eq!(devices.len(), 1);
    Ok(devices.remove(0))
}

fn any_model() -> Result<(), Failed> {
    let all = "--bvals 0,20,50,100,200,400,800,1500 --voxels 1";
    for (args, model, method, n_obs, maps) in [
        ("--voxels 1".to_owned(), "adc", "iwlls", 4, vec!["ADC"]),
        (format!("--model kurtosis {all}"), "kurtosis", "nlls", 8, vec!["S0", "D", "K"]),
        (format!("--model ivim --method segmented {all}"), "ivim", "segmented", 8, vec!["S0", "D", "f", "Dstar"]),
    ] {
        let of = measured(&args)?;
        assert_eq!([&of["model"], &of["method"]], [model, method]);
        assert_eq!((of["n_obs"].as_u64(), of["n_voxels"].as_u64()), (Some(n_obs), Some(192 * 192)));
        let mut names: Vec<&str> = of["maps"].as_array().ok_or("no maps")?.iter().filter_map(Value::as_str).collect();
        let mut maps = maps;
        names.sort_unstable();
        maps.sort_unstable();
        assert_eq!(names, maps);
        for rate in ["kernel_voxels_per_s", "transfer_voxels_per_s", "file_voxels_per_s", "mean_iterations"] {
            assert!(of[rate].as_f64().is_some_and(|rate| rate > 0.0), "{rate} of {model} is {}", of[rate]);
        }
        assert!(["gflops", "gbytes"].iter().all(|peak| of["peak"][*peak].as_f64().is_some_and(|peak| peak > 0.1)));
        // What is done is less than what could be.
        if let Some(flops) = of["flops_per_voxel"].as_f64() {
            let done = flops * of["kernel_voxels_per_s"].as_f64().ok_or("no rate")? / 1e9;
            assert!(done > 0.0 && done < of["peak"]["gflops"].as_f64().ok_or("no peak")?, "{done} GFLOP/s");
        }
    }
    Ok(())
}

/// Less is done than could be; what a GPU's memory gives is not measured.
fn a_gpu(device: &support::TestDevice) -> Result<(), Failed> {
    let of = measured_on(&device.0.to_string(), "--voxels 1")?;
    let [kernel, transfer, file, flops] =
        ["kernel_voxels_per_s", "transfer_voxels_per_s", "file_voxels_per_s", "flops_per_voxel"].map(|key| of[key].as_f64());
    assert!([transfer, file].iter().all(|rate| rate.is_some_and(|rate| rate > 0.0)), "{of}");
    let done = kernel.ok_or("no rate")? * flops.ok_or("no operations")? / 1e9;
    let peak = of["peak"]["gflops"].as_f64().ok_or("no peak")?;
    assert!(done > 0.0 && done < peak, "{done} of {peak} GFLOP/s");
    assert!(of["peak"]["gbytes"].is_null(), "{}", of["peak"]);
    Ok(())
}

fn series() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let dir = folder.path().display();
    let simulate = format!("simulate --model ivim --bvals 0,10,20,40,80,200,400,800 --shape 9,8,2 -o {dir}");
    assert!(support::hepar().args(simulate.split(' ')).output()?.status.success());
    let of = measured(&format!("--model ivim --input {dir}/series.nii.gz"))?;
    assert_eq!((of["n_obs"].as_u64(), of["n_voxels"].as_u64()), (Some(8), Some(144)));
    Ok(())
}

fn refusals() -> Result<(), Failed> {
    for args in ["--input x.nii --voxels 5", "--model adc --method segmented"] {
        assert_eq!(run(args)?.0, 2, "{args}");
    }
    let (status, _, said) = run("--model ivim --bvals 0,800 --voxels 1")?;
    assert!(status == 2 && said.contains("do not determine"), "{said}");
    Ok(())
}
