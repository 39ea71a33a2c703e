"""Makes default.f64 and tight.f64: D* of the OSIPI reference signals by the segmented recipe of expected.csv, as its search
ends with scipy's default tolerances and as it ends when it is let go on.

Signals and expected.csv: reference/osipi_ivim of the test data, float64 [35 cells][300 fits][18 b], made from
github.com/OSIPI/TF2.4_IVIM-MRI_CodeCollection. Recipe: signals over s[0]; iterated WLLS (weights exp(2 predicted)) of b >= 200;
D clipped to 0-0.005, f = 1 - exp(intercept) to 0-1; then D* by bounded least squares in 0.005-0.2 mm^2/s from 10 D.
*.f64: float64, little-endian, [35][300], mm^2/s.

What is checked: D, f and the default ends have the means and standard deviations of expected.csv in every cell, so that these
are the published fits; the tight ends are the minima downhill from 10 D, as bisection of the slope finds them, and have
nowhere a larger sum of squares than the default ends. Nothing of hepar is used.
Run: python3 make.py (four minutes), with HEPAR_TEST_DATA as for the tests. Made with Python 3.11, numpy 2.4.6, scipy 1.17.1.
"""
import csv
import os
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("HEPAR_TEST_DATA", HERE.parents[3] / "shared/data")).parent / "reference/osipi_ivim"
B = np.array([0, 1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 250, 350, 400, 550, 700, 850, 1000.0])
LOW, HIGH = 0.005, 0.2
N_CELLS, N_LINES = 35, 51  # the line with equal weights and 50 re-weightings
GRID = np.geomspace(LOW, HIGH, 4001)
TIGHT = dict(ftol=1e-15, xtol=1e-15, gtol=1e-15, max_nfev=2000)


def lines(s):
    """D and f of each voxel."""
    late = B >= 200
    X, y = np.stack([np.ones(late.sum()), -B[late]], 1), np.log(s[:, late])
    weights = np.ones_like(y)
    for _ in range(N_LINES):
        normal, side = np.einsum("vk,ki,kj->vij", weights, X, X), np.einsum("vk,ki->vi", weights * y, X)
        line = np.linalg.solve(normal, side[..., None])[..., 0]
        weights = np.exp(2 * line @ X.T)
    return np.clip(line[:, 1], 0, 0.005), np.clip(1 - np.exp(line[:, 0]), 0, 1)


class Fast:
    """What is left of a voxel's signals without the slow part, as a function of D*."""

    def __init__(self, s, D, f):
        self.rest, self.f, self.start = s - (1 - f) * np.exp(-B * D), f, np.clip(10 * D, LOW, HIGH)

    def residual(self, x):
        return self.f * np.exp(-B * x) - self.rest

    def derivative(self, x):
        return (-B * self.f * np.exp(-B * x))[:, None]

    def slope(self, x):
        return np.sum(self.derivative(x)[:, 0] * self.residual(x))

    def ssq(self, x):
        return np.sum(self.residual(x) ** 2)

    def fit(self, **tolerances):
        return least_squares(self.residual, [self.start], self.derivative, bounds=(LOW, HIGH), **tolerances).x[0]

    def downhill(self):
        """The minimum downhill from the start: the first place of a grid where the slope turns, then bisection."""
        at_start = self.slope(self.start)
        if at_start == 0:
            return self.start
        places = GRID[GRID > self.start] if at_start < 0 else GRID[GRID < self.start][::-1]
        last = self.start
        for x in places:
            if self.slope(x) * at_start < 0:
                low, high = min(last, x), max(last, x)
                for _ in range(60):
                    middle = (low + high) / 2
                    low, high = (low, middle) if self.slope(middle) > 0 else (middle, high)
                return (low + high) / 2
            last = x
        return HIGH if at_start < 0 else LOW


def differences(values, expected, parameter):
    """Of each cell: the larger relative difference of mean and standard deviation."""
    cells = values.reshape(N_CELLS, -1)
    of = {"mean": cells.mean(1), "sd": cells.std(1, ddof=1)}
    published = {what: np.array([float(row[f"segmented_{parameter}_{what}"]) for row in expected]) for what in of}
    return np.max([np.abs(of[what] / published[what] - 1) for what in of], 0)


def main():
    s = np.fromfile(DATA / "signals_f64le.bin", "<f8").reshape(-1, B.size)
    s /= s[:, :1]
    with open(DATA / "expected.csv") as file:
        expected = list(csv.DictReader(file))
    D, f = lines(s)
    voxels = [Fast(*voxel) for voxel in zip(s, D, f)]
    default = np.array([voxel.fit() for voxel in voxels])
    tight = np.array([voxel.fit(**TIGHT) for voxel in voxels])
    downhill = np.array([voxel.downhill() for voxel in voxels])
    for name, values, most in (("D", D, 1e-12), ("f", f, 1e-12), ("Dstar", default, 1e-5)):
        worst = differences(values, expected, name).max()
        print(f"{name}: means and standard deviations within {worst:.1e} of the published ones")
        assert worst < most
    apart = np.abs(tight / downhill - 1).max()
    print(f"tight ends: within {apart:.1e} of the minima downhill from 10 D")
    assert apart < 1e-5
    excess = np.array([voxel.ssq(x) / voxel.ssq(y) - 1 for voxel, x, y in zip(voxels, default, tight)])
    assert excess.min() > -1e-12, "a tight end lies higher"
    for cell, off in enumerate(differences(tight, expected, "Dstar")):
        if off > 1e-4:
            here = slice(cell * 300, cell * 300 + 300)
            stopped = np.abs(default[here] / tight[here] - 1)
            print(f"{expected[cell]['region']}, SNR {expected[cell]['snr']} (cell {cell}): tight ends off by {off:.1e};",
                  f"{np.sum(stopped > 1e-4)} default ends off by more than 1e-4, {stopped.max():.1e} at most,",
                  f"with sums of squares up to {excess[here].max():.1e} higher")
    default.astype("<f8").tofile(HERE / "default.f64")
    tight.astype("<f8").tofile(HERE / "tight.f64")


if __name__ == "__main__":
    main()
