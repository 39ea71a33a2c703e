"""Makes the reference spectra that hepar is held against: non-negative least squares by `scipy.optimize.nnls`.

Writes `spectra.csv`: simulated decays of two and three components (Rician noise of SNR 20 to 100, and none), each with the
regularisation, the objective ‖A·x − s‖² + λ·‖x‖², the residual sum of squares, the area of the spectrum and the area below
5e-3 mm²/s of the solution with λ = 0 and with four others, of 200 diffusivities from 0.5e-3 to 0.5 mm²/s. Regularised problems
are those of A above √λ·I. The matrix is in numpy's float64, and nothing of hepar is used. scipy stops at slopes of about
1e-9 of the data, so its objectives are least to about as much. Run: python3 make.py. Made with numpy 2.4, scipy 1.17.
"""
import csv
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

B_VALUES = np.array([0, 5, 10, 20, 30, 40, 50, 75, 100, 150, 200, 250, 300, 400, 500, 600, 700, 800.0])
D = np.geomspace(0.5e-3, 0.5, 200)
A = np.exp(-np.outer(B_VALUES, D))
LAMBDAS = [0, 1e-4, 1e-3, 1e-2, 1e-1]
SNRS = [20, 50, 100, np.inf]
# (fraction, D) of each component.
TRUTHS = [
    [(0.77, 1.1e-3), (0.23, 0.07)],
    [(0.9, 1.0e-3), (0.1, 0.03)],
    [(0.6, 1.3e-3), (0.25, 0.025), (0.15, 0.3)],
    [(1.0, 2.0e-3)],
]

rng = np.random.default_rng(4)
with Path(__file__).with_name("spectra.csv").open("w", newline="") as file:
    table = csv.writer(file)
    table.writerow([f"b{b:g}" for b in B_VALUES] + ["lambda", "objective", "squares", "area", "slow_area"])
    for truth in TRUTHS:
        for snr in SNRS:
            clean = sum(f * np.exp(-B_VALUES * d) for f, d in truth)
            s = np.hypot(clean + rng.normal(0, 1 / snr, clean.shape), rng.normal(0, 1 / snr, clean.shape))
            for lam in LAMBDAS:
                matrix, data = np.vstack([A, np.sqrt(lam) * np.eye(D.size)]), np.append(s, np.zeros(D.size))
                x, _ = nnls(matrix, data) if lam else nnls(A, s)
                squares = np.sum((A @ x - s) ** 2)
                found = [lam, squares + lam * np.sum(x**2), squares, x.sum(), x[D < 5e-3].sum()]
                table.writerow([repr(float(value)) for value in [*s, *found]])
