"""Times hepar's IVIM fit on one CPU thread against `scipy.optimize.curve_fit` on one thread, in alternating rounds.

Simulated voxels with liver-like truths (D 0.8-1.4e-3, f 0.1-0.4, D* 0.02-0.12 mm^2/s, ten b-values, Rician noise, SNR 30
at b = 0) are written as dwi.nii.gz (float32) and dwi.bval, and read back for scipy, which fits them voxel by voxel:
bounded trust region, once with the Jacobian by differences, its default, and once with the analytic one. hepar measures
voxels that it simulates itself (`hepar bench --model ivim`). Printed are the medians over the rounds and their ratios.
Needs numpy, scipy and nibabel.

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

HEPAR = Path(__file__).resolve().parent.parent / "target/release/hepar"
B_VALUES = np.array([0, 10, 20, 40, 80, 110, 140, 200, 400, 800.0])
SNR = 30
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
    series = noisy.astype(np.float32).reshape(n_voxels, 1, 1, B_VALUES.size)
    nibabel.save(nibabel.Nifti1Image(series, np.diag([-2.0, 2, 5, 1])), folder / "dwi.nii.gz")
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


def hepar_fits_per_s() -> tuple[float, int]:
    """The kernel's rate, and how many b-values its voxels have."""
    command = [str(HEPAR), "bench", "--model", "ivim", "--device", "cpu", "--threads", "1", "--json"]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    (device,) = json.loads(output)
    return device["kernel_voxels_per_s"], device["n_obs"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voxels", type=int, default=300, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="R")
    parser.add_argument("--folder", type=Path, help="where to keep the series; a temporary folder otherwise")
    parser.add_argument("--scipy-only", action="store_true", help="without hepar")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        truths = make_series(folder, options.voxels)
        signals = nibabel.load(folder / "dwi.nii.gz").get_fdata()[:, 0, 0]
    variants = {"differences": None, "analytic Jacobian": jacobian}
    rates = {name: [] for name in [*variants, "hepar"]}
    for _ in range(options.rounds):
        for name, jac in variants.items():
            rate, found = fits_per_s(signals, jac)
            rates[name].append(rate)
        if not options.scipy_only:
            rate, n_obs = hepar_fits_per_s()
            rates["hepar"].append(rate)
    error = np.nanmedian(np.abs(found / truths - 1), axis=0)
    failed = np.isnan(found[:, 0]).sum()
    print(f"scipy, {options.voxels} voxels of {B_VALUES.size} b-values: {failed} not converged; median errors: "
          f"D {error[1]:.1%}, f {error[2]:.1%}, D* {error[3]:.1%}")
    for name in variants:
        scipy = statistics.median(rates[name])
        print(f"scipy ({name}): {scipy:.0f} fits/s", end="")
        if rates["hepar"]:
            hepar = statistics.median(rates["hepar"])
            print(f"; hepar {hepar:.3g} fits/s of {n_obs} b-values, ratio {hepar / scipy:.0f}", end="")
        print()


main()
