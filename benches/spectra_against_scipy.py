"""Times hepar's regularised spectra on one CPU thread against `scipy.optimize.nnls` on one thread, in alternating rounds.

100,000 simulated voxels of two and three components (18 b-values, Rician noise, SNR 50 at b = 0) are written as dwi.nii
(float32) and dwi.bval. hepar fits 200 diffusivities to all of them (`hepar spectrum`, the whole command: reading, maps and
writing included), scipy to some hundred, others in each round: for a given λ the same problem, of the matrix above √λ·I; for
λ = 0 the matrix alone. Both are measured in CPU time, which other work on the machine disturbs less than the clock's. Printed
are the medians over the rounds and their ratios, and by how much hepar's objective is above scipy's at most. Needs numpy,
scipy and nibabel.

    cargo build --release && python3 benches/spectra_against_scipy.py [--voxels N] [--rounds R]
"""
import argparse
import os
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")  # before numpy is loaded

import nibabel  # noqa: E402
import numpy as np  # noqa: E402
from scipy.optimize import nnls  # noqa: E402

HEPAR = Path(os.environ.get("HEPAR", Path(__file__).resolve().parent.parent / "target/release/hepar"))
B_VALUES = np.array([0, 5, 10, 20, 30, 40, 50, 75, 100, 150, 200, 250, 300, 400, 500, 600, 700, 800.0])
D = np.geomspace(0.5e-3, 0.5, 200)
A = np.exp(-np.outer(B_VALUES, D))
SNR = 50
N_VOXELS = 100_000
REGULARISATIONS = ["none", "1e-3", "1e-2", "1e-1", "misfit"]


def make_series(folder: Path) -> np.ndarray:
    """Writes the series; its samples, one row a voxel."""
    rng = np.random.default_rng(0)
    slow, middle, fast = (rng.uniform(*bounds, (N_VOXELS, 1)) for bounds in [(0.9e-3, 1.5e-3), (0.015, 0.06), (0.2, 0.4)])
    f, g = rng.uniform(0.1, 0.3, (N_VOXELS, 1)), rng.uniform(0.05, 0.15, (N_VOXELS, 1)) * rng.integers(0, 2, (N_VOXELS, 1))
    clean = (1 - f - g) * np.exp(-B_VALUES * slow) + f * np.exp(-B_VALUES * middle) + g * np.exp(-B_VALUES * fast)
    noisy = np.hypot(clean + rng.normal(0, 1 / SNR, clean.shape), rng.normal(0, 1 / SNR, clean.shape)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(noisy.reshape(-1, 100, 1, B_VALUES.size), np.diag([-2.0, 2, 5, 1])), folder / "dwi.nii")
    (folder / "dwi.bval").write_text(" ".join(f"{b:g}" for b in B_VALUES) + "\n")
    return noisy.astype(float)


def scipy_fits_per_s(signals: np.ndarray, regularisation: str) -> tuple[float, list[float]]:
    """scipy's rate, and its objectives."""
    lam = 0.0 if regularisation == "none" else float(regularisation)
    matrix = np.vstack([A, np.sqrt(lam) * np.eye(D.size)]) if lam else A
    data = np.hstack([signals, np.zeros((len(signals), D.size))]) if lam else signals
    start = time.process_time()
    residuals = [nnls(matrix, s)[1] for s in data]
    return len(signals) / (time.process_time() - start), [r**2 for r in residuals]


def hepar_fits_per_s(folder: Path, regularisation: str, further: list[str]) -> float:
    """hepar's rate over all voxels."""
    def seconds() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before = seconds()
    command = [str(HEPAR), "spectrum", str(folder / "dwi.nii"), "--regularisation", regularisation, "--threads", "1"]
    command += ["--format", "nii", "--pictures", "none", "--force", "--quiet", "-o", str(folder / "maps"), *further]
    subprocess.run(command, check=True)
    return N_VOXELS / (seconds() - before)


def objectives(folder: Path, signals: np.ndarray, regularisation: str) -> np.ndarray:
    """Those of the spectra that hepar writes, in f32."""
    mask = np.zeros(N_VOXELS, np.uint8)
    mask[: len(signals)] = 1
    nibabel.save(nibabel.Nifti1Image(mask.reshape(-1, 100, 1), np.diag([-2.0, 2, 5, 1])), folder / "mask.nii")
    hepar_fits_per_s(folder, regularisation, ["--mask", str(folder / "mask.nii"), "--write", "spectrum"])
    x = nibabel.load(folder / "maps/spectrum.nii").get_fdata().reshape(N_VOXELS, -1)[: len(signals)]
    lam = 0.0 if regularisation == "none" else float(regularisation)
    return np.sum((x @ A.T - signals) ** 2, axis=1) + lam * np.sum(x**2, axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voxels", type=int, default=100, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="R")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        signals = make_series(folder)
        for regularisation in REGULARISATIONS:
            rates, least = {"hepar": [], "scipy": []}, []
            for round in range(options.rounds):
                rates["hepar"].append(hepar_fits_per_s(folder, regularisation, ["--write", "S0,slow_fraction,slow_D,rmse"]))
                if regularisation != "misfit":
                    some = slice(round * options.voxels, (round + 1) * options.voxels)
                    rate, found = scipy_fits_per_s(signals[some], regularisation)
                    rates["scipy"].append(rate)
                    least += found
            hepar = statistics.median(rates["hepar"])
            print(f"--regularisation {regularisation}: hepar {hepar:.0f} fits/s", end="")
            if least:
                scipy = statistics.median(rates["scipy"])
                above = np.max(objectives(folder, signals[: len(least)], regularisation) / least - 1)
                print(f", scipy {scipy:.0f}, ratio {hepar / scipy:.0f}; objective at most {above:.0e} above scipy's", end="")
            print(flush=True)


main()
