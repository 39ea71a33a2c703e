"""Compares where IVIM fits may start: hepar's dictionary, the segmented fit, one start for all, and variable projection.

Signals are the community's (reference/osipi_ivim of the test data, HEPAR_TEST_DATA as for the tests; seven tissues, 18
b-values) at SNR 30 to 200, and the bar is the least sum of squares of any fit (data/reference/osipi_ivim_optimum). hepar fits
all of them; scipy's bounded trust region with its analytic Jacobian fits every N-th: from the segmented estimates, from one
start for all, and in D and D* alone, S0 and f being solved at each step. Printed are the shares of fits within 1e-3 and 1e-6 of
the least sum of squares, and the evaluations that a fit takes. Needs numpy, scipy and nibabel.

    cargo build --release && python3 benches/starts_of_ivim.py [--every N]
"""
import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel
import numpy as np
from scipy.optimize import least_squares

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "data/reference/osipi_segmented_dstar"))
sys.dont_write_bytecode = True
from make import B, DATA, N_CELLS, Fast, lines  # noqa: E402

HEPAR = ROOT / "target/release/hepar"
SCALE = np.array([1, 1e-3, 0.2, 0.05])  # S0, D, f, D*
LOWER, UPPER = np.array([0.7, 0, 0, 0.005]), np.array([1.3, 0.005, 1, 0.2])
ONE_START = np.array([1, 1e-3, 0.1, 0.03])
WITHIN = (1e-3, 1e-6)


def signal(S0, D, f, Dstar):
    return S0 * (f * np.exp(-B * Dstar) + (1 - f) * np.exp(-B * D))


def squares(parameters, signals):
    return np.array([np.sum((signal(*p) - s) ** 2) for p, s in zip(parameters, signals)])


def by_hepar(signals, precision):
    """S0, D, f and D* of each voxel."""
    with tempfile.TemporaryDirectory() as name:
        series = signals.reshape(-1, 1, 1, B.size)
        nibabel.save(nibabel.Nifti1Image(series, np.eye(4)), f"{name}/dwi.nii")
        command = [HEPAR, "fit", f"{name}/dwi.nii", "--bvals", ",".join(f"{b:g}" for b in B), "--model", "ivim", "--device", "cpu",
                   "--precision", precision, "--bounds", "S0=0.7:1.3", "--pictures", "none", "--format", "nii", "--quiet",
                   "-o", f"{name}/maps"]
        subprocess.run(list(map(str, command)), check=True)
        return np.stack([nibabel.load(f"{name}/maps/{p}.nii").get_fdata().ravel() for p in ("S0", "D", "f", "Dstar")], 1)


def by_trust_region(s, start):
    def residual(x):
        return signal(*(x * SCALE)) - s

    def jacobian(x):
        S0, D, f, Dstar = x * SCALE
        slow, fast = np.exp(-B * D), np.exp(-B * Dstar)
        slopes = [f * fast + (1 - f) * slow, -B * S0 * (1 - f) * slow, S0 * (fast - slow), -B * S0 * f * fast]
        return np.stack(slopes, 1) * SCALE

    start = np.clip(start, LOWER + 1e-6 * (UPPER - LOWER), UPPER - 1e-6 * (UPPER - LOWER))
    fit = least_squares(residual, start / SCALE, jacobian, (LOWER / SCALE, UPPER / SCALE), ftol=1e-10, xtol=1e-10, gtol=1e-10)
    return fit.x * SCALE, fit.nfev


def by_variable_projection(s, start):
    """Kaufman's Jacobian; shares that leave their box are put back into it at the end."""
    def parts(x):
        decays = np.exp(-np.outer(B, x * SCALE[[1, 3]]))
        return decays, np.linalg.lstsq(decays, s, rcond=None)[0]

    def residual(x):
        decays, shares = parts(x)
        return decays @ shares - s

    def jacobian(x):
        decays, shares = parts(x)
        slopes = -B[:, None] * decays * shares * SCALE[[1, 3]]
        basis = np.linalg.qr(decays)[0]
        return slopes - basis @ (basis.T @ slopes)

    low, high = LOWER[[1, 3]] / SCALE[[1, 3]], UPPER[[1, 3]] / SCALE[[1, 3]]
    start = np.clip(start[[1, 3]] / SCALE[[1, 3]], low + 1e-6 * (high - low), high - 1e-6 * (high - low))
    fit = least_squares(residual, start, jacobian, (low, high), ftol=1e-10, xtol=1e-10, gtol=1e-10)
    slow, fast = parts(fit.x)[1]
    S0 = np.clip(slow + fast, 0.7, 1.3)
    D, Dstar = fit.x * SCALE[[1, 3]]
    return np.array([S0, D, np.clip(fast / S0, 0, 1), Dstar]), fit.nfev


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=4, help="scipy fits every N-th of the signals")
    every = parser.parse_args().every
    signals = np.fromfile(DATA / "signals_f64le.bin").reshape(N_CELLS, -1, B.size)
    least = np.fromfile(ROOT / "data/reference/osipi_ivim_optimum/ssq.f64").reshape(N_CELLS, -1)
    noisy = np.arange(N_CELLS) % 5 > 0  # SNR 10 is the first of each tissue
    signals, least = signals[noisy].reshape(-1, B.size), least[noisy].ravel()

    def tell(name, found, signals, least, evaluations=None):
        excess = squares(found, signals) / least - 1
        shares = ", ".join(f"{100 * np.mean(excess <= t):.2f} % within {t:g}" for t in WITHIN)
        print(f"{name}: {shares}" + (f"; {np.mean(evaluations):.1f} evaluations" if evaluations is not None else ""))

    for precision in ("f32", "f64"):
        tell(f"hepar, {precision}", by_hepar(signals, precision), signals, least)
    signals, least = signals[::every], least[::every]
    D, f = lines(signals / signals[:, :1])
    Dstar = [Fast(s / s[0], *start).fit() for s, *start in zip(signals, D, f)]
    segmented = np.stack([signals[:, 0], D, f, Dstar], 1)
    tell("segmented estimates", np.clip(segmented, LOWER, UPPER), signals, least)
    for name, fit, starts in (
        ("from segmented estimates", by_trust_region, segmented),
        ("from one start", by_trust_region, np.tile(ONE_START, (len(signals), 1))),
        ("variable projection from segmented estimates", by_variable_projection, segmented),
    ):
        found, evaluations = zip(*(fit(s, start) for s, start in zip(signals, starts)))
        tell(name, np.array(found), signals, least, evaluations)


main()
