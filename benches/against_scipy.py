"""Times hepar's IVIM fit on one CPU thread against `scipy.optimize.curve_fit` on one thread, in alternating rounds.

100,000 simulated voxels with liver-like truths (D 0.8-1.4e-3, f 0.1-0.4, D* 0.02-0.12 mm^2/s, ten b-values, Rician
noise, SNR 30 at b = 0) are written as dwi.nii (float32) and dwi.bval. hepar fits all of them (`hepar bench --model ivim
--input`), scipy some hundred, others in each round, voxel by voxel: bounded trust region, once with the Jacobian by
differences, its default, and once with the analytic one. Printed are the medians over the rounds and their ratios, and that of
a model's file of one's own, which is interpreted: IVIM with its parameters in another order. Needs numpy, scipy and nibabel.

    cargo build --release && python3 benches/against_scipy.py [--voxels N] [--rounds R] [--folder FOLDER] [--scipy-only]
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")  # before numpy is loaded

import nibabel  # noqa: E402
import numpy as np  # noqa: E402
from scipy.optimize import curve_fit  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
HEPAR = ROOT / "target/release/hepar"
B_VALUES = np.array([0, 10, 20, 40, 80, 110, 140, 200, 400, 800.0])
SNR = 30
N_VOXELS = 100_000
# S0, D, f, D*: those of models/signal/ivim.toml, with signals of about 1.
START, LOWER, UPPER = [1, 1e-3, 0.2, 0.05], [0, 0, 0, 0.005], [np.inf, 0.005, 1, 0.2]
SCALE = [1, 1e-3, 0.2, 0.05]


def ivim(b, S0, D, f, Dstar):
    return S0 * (f * np.exp(-b * Dstar) + (1 - f) * np.exp(-b * D))


def jacobian(b, S0, D, f, Dstar):
    slow, fast = np.exp(-b * D), np.exp(-b * Dstar)
    return np.column_stack([f * fast + (1 - f) * slow, -b * S0 * (1 - f) * slow, S0 * (fast - slow), -b * S0 * f * fast])


def make_series(folder: Path, n_voxels: int) -> np.ndarray:
    """Writes the series; the truths, one row a voxel."""
    rng = np.random.default_rng(0)
    truths = rng.uniform([0.9, 0.8e-3, 0.1, 0.02], [1.1, 1.4e-3, 0.4, 0.12], (n_voxels, 4))
    clean = np.array([ivim(B_VALUES, *truth) for truth in truths])
    noisy = np.hypot(clean + rng.normal(0, 1 / SNR, clean.shape), rng.normal(0, 1 / SNR, clean.shape))
    series = noisy.astype(np.float32).reshape(-1, 100, 1, B_VALUES.size)
    nibabel.save(nibabel.Nifti1Image(series, np.diag([-2.0, 2, 5, 1])), folder / "dwi.nii")
    (folder / "dwi.bval").write_text(" ".join(f"{b:g}" for b in B_VALUES) + "\n")
    return truths


def fits_per_s(signals: np.ndarray, jac) -> tuple[float, np.ndarray]:
    """scipy's rate over all voxels, and what it found: NaN where it gave up."""
    found = np.full((len(signals), 4), np.nan)
    start = time.perf_counter()
    for i, signal in enumerate(signals):
        try:
            found[i] = curve_fit(ivim, B_VALUES, signal, START, bounds=(LOWER, UPPER), method="trf", jac=jac,
                                 x_scale=SCALE)[0]
        except RuntimeError:  # more evaluations than it allows itself
            pass
    return len(signals) / (time.perf_counter() - start), found


def own_model(folder: Path) -> Path:
    """IVIM's file with the tables of its parameters in another order, for which no code was generated."""
    head, *tables = (ROOT / "models/signal/ivim.toml").read_text().split("\n[")
    tables.sort(key=lambda table: (not table.startswith("axis"), table.startswith("derived"), table))
    file = folder / "own.toml"
    file.write_text("\n[".join([head, *tables]) + "\n")
    return file


def hepar_fits_per_s(series: Path, model: list[str]) -> dict:
    """What `hepar bench` says of the kernel."""
    command = [str(HEPAR), "bench", *model, "--input", str(series), "--device", "cpu", "--threads", "1"]
    output = subprocess.run([*command, "--repeats", "3", "--json"], stdout=subprocess.PIPE, check=True).stdout
    (device,) = json.loads(output)
    return device


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voxels", type=int, default=300, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="R")
    parser.add_argument("--folder", type=Path, help="where to keep the series; a temporary folder otherwise")
    parser.add_argument("--scipy-only", action="store_true", help="without hepar")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        compare(options, options.folder or Path(temporary))


def compare(options: argparse.Namespace, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    truths = make_series(folder, N_VOXELS)
    signals = nibabel.load(folder / "dwi.nii").get_fdata().reshape(-1, B_VALUES.size)
    variants = {"differences": None, "analytic Jacobian": jacobian}
    rates = {name: [] for name in [*variants, "hepar"]}
    errors, failed, part_of_peak, own_rates = [], 0, [], []
    for round in range(options.rounds):
        some = slice(round * options.voxels, (round + 1) * options.voxels)
        for name, jac in variants.items():
            rate, found = fits_per_s(signals[some], jac)
            rates[name].append(rate)
        errors.append(np.abs(found / truths[some] - 1))
        failed += np.isnan(found[:, 0]).sum()
        if not options.scipy_only:
            of = hepar_fits_per_s(folder / "dwi.nii", ["--model", "ivim"])
            rates["hepar"].append(of["kernel_voxels_per_s"])
            own = hepar_fits_per_s(folder / "dwi.nii", ["--model-file", str(own_model(folder))])
            own_rates.append(own["kernel_voxels_per_s"])
            part_of_peak.append(of["kernel_voxels_per_s"] * of["flops_per_voxel"] / 1e9 / of["peak"]["gflops"])
    error = np.nanmedian(np.concatenate(errors), axis=0)
    print(f"scipy, {options.rounds} x {options.voxels} voxels of {B_VALUES.size} b-values: {failed} not converged; "
          f"median errors: D {error[1]:.1%}, f {error[2]:.1%}, D* {error[3]:.1%}")
    for name in variants:
        scipy = statistics.median(rates[name])
        print(f"scipy ({name}): {scipy:.0f} fits/s", end="")
        if rates["hepar"]:
            hepar = statistics.median(rates["hepar"])
            print(f"; hepar {hepar:.3g} fits/s, ratio {hepar / scipy:.0f}", end="")
        print()
    if part_of_peak:
        print(f"hepar: {statistics.median(part_of_peak):.0%} of the core's measured multiply-add peak")
        own = statistics.median(own_rates)
        print(f"a file of one's own: {own:.3g} fits/s, {own / statistics.median(rates['hepar']):.0%} of this")


main()
