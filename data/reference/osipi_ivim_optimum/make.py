"""Makes ssq.f64: the smallest sum of squares that any bounded bi-exponential fit of the OSIPI reference signals can have.

Signals: reference/osipi_ivim/signals_f64le.bin of the test data, float64 [35 cells][300 fits][18 b], made from
github.com/OSIPI/TF2.4_IVIM-MRI_CodeCollection. Box: D 0-0.005 and D* 0.005-0.2 mm^2/s, f 0-1, S0 0.7-1.3.
ssq.f64: float64, little-endian, [35][300], in the signals' units (S0 about 1).

Given D and D*, the best S0 (1 - f) and S0 f are found exactly: a quadratic over a convex polygon. That leaves a profile over
(D, D*). Its local minima on a grid, and those of its minimum over D (by golden section) as a function of D*, start
Levenberg-Marquardt fits of all four parameters; the lowest end counts. Where an end has f = 0, so that D* is idle, each other
D* is tried for a way down. Then brute force, scipy's least_squares from many starts, must find nothing lower in a random
subset and in one of signals with many minima. Nothing of hepar is used.
Run: python3 make.py (15 minutes), with HEPAR_TEST_DATA as for the tests. Made with Python 3.11, numpy 2.4.6, scipy 1.17.1.
"""
import os
import sys
from pathlib import Path

import numpy as np
from scipy.ndimage import minimum_filter

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "signal"))
sys.dont_write_bytecode = True
from formulas import ivim  # noqa: E402
from make import Fit  # noqa: E402

DATA = Path(os.environ.get("HEPAR_TEST_DATA", HERE.parents[3] / "shared/data"))
B = np.array([0, 1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 250, 350, 400, 550, 700, 850, 1000.0])
SCALE = np.array([1, 1e-3, 0.2, 0.05])  # S0, D, f, D*
LOWER, UPPER = np.array([0.7, 0, 0, 0.005]) / SCALE, np.array([1.3, 0.005, 1, 0.2]) / SCALE
GRID_D, GRID_DSTAR = np.linspace(0, 0.005, 101), np.geomspace(0.005, 0.2, 121)
FINE_DSTAR = np.geomspace(0.005, 0.2, 1001)
CHECKED = 150

SLOW, FAST = np.exp(-np.outer(GRID_D, B)), np.exp(-np.outer(GRID_DSTAR, B))
SS, FF, SF = np.sum(SLOW**2, 1)[:, None], np.sum(FAST**2, 1)[None, :], SLOW @ FAST.T


def best_parts(s, SS, FF, SF, s_slow, s_fast):
    """From the inner products of two decays and s: the least sum of squares, and the factors of the decays."""
    with np.errstate(divide="ignore", invalid="ignore"):
        det = SS * FF - SF**2
        slow, fast = (FF * s_slow - SF * s_fast) / det, (SS * s_fast - SF * s_slow) / det
        inside = (slow >= 0) & (fast >= 0) & (slow + fast >= 0.7) & (slow + fast <= 1.3)  # D = D*: NaN, outside
        candidates = [(np.where(inside, slow, np.nan), fast)]
        for total in (0.7, 1.3):  # the edges of the polygon: S0 at a bound
            part = (s_slow - s_fast + total * (FF - SF)) / (SS - 2 * SF + FF)
            part = np.clip(np.nan_to_num(part, nan=total), 0, total)
            candidates.append((part, total - part))
        candidates.append((np.clip(s_slow / SS, 0.7, 1.3) + 0 * SF, 0 * SF))  # f = 0
        candidates.append((0 * SF, np.clip(s_fast / FF, 0.7, 1.3) + 0 * SF))  # f = 1
    squares = [a * a * SS + 2 * a * c * SF + c * c * FF - 2 * a * s_slow - 2 * c * s_fast for a, c in candidates]
    ssq = np.array(squares) + s @ s
    best = np.nanargmin(ssq, 0)[None]
    return [np.take_along_axis(np.array(x), best, 0)[0] for x in (ssq, *zip(*candidates))]


def along_dstar(s, D):
    """`best_parts` at each D* of the grid (the last axis of D), each with its own D."""
    slow = np.exp(-D[..., None] * B)
    return best_parts(s, np.sum(slow**2, -1), FF[0], np.sum(slow * FAST, -1), slow @ s, FAST @ s)


def refined_d(s, near):
    """At each D* of the grid: the best D within one step of the grid's D number `near`, by golden section."""
    low, high = GRID_D[np.maximum(near - 1, 0)], GRID_D[np.minimum(near + 1, GRID_D.size - 1)]
    for _ in range(30):
        width = 0.6180339887498949 * (high - low)
        left, right = along_dstar(s, np.array([high - width, low + width]))[0]
        low, high = np.where(left < right, low, high - width), np.where(left < right, low + width, high)
    return (low + high) / 2


def distinct_minima(ssq):
    """Indices of the local minima; of plateaus (f = 0 or 1), where only rounding differs, one point."""
    minima = np.argwhere(ssq <= minimum_filter(ssq, 3, mode="nearest") * (1 + 1e-12))
    first = np.unique([f"{ssq[tuple(i)]:.8e}" for i in minima], return_index=True)[1]
    return [tuple(i) for i in minima[first]]


def scaled(slow, fast, D, Dstar):
    total = slow + fast
    return np.clip(np.array([total, D, fast / total, Dstar]) / SCALE, LOWER, UPPER)


def starts(s):
    """Local minima of the profile, in scaled parameters."""
    ssq, slow, fast = best_parts(s, SS, FF, SF, (SLOW @ s)[:, None], (FAST @ s)[None, :])
    found = [scaled(slow[i, j], fast[i, j], GRID_D[i], GRID_DSTAR[j]) for i, j in distinct_minima(ssq)]
    D = refined_d(s, np.argmin(ssq, 0))
    ssq, slow, fast = along_dstar(s, D)
    return found + [scaled(slow[j], fast[j], D[j], GRID_DSTAR[j]) for j, in distinct_minima(ssq)]


def off_the_plateau(s, u):
    """Where f = 0 at u, and a positive f with some D* is downhill: a point there, else None."""
    S0, D, f, _ = u * SCALE
    if f > 0:
        return None
    direction, residual = S0 * (np.exp(-np.outer(FINE_DSTAR, B)) - np.exp(-B * D)), S0 * np.exp(-B * D) - s
    slope, length = direction @ residual, np.sum(direction**2, 1) + 1e-300
    best = np.argmin(np.minimum(slope, 0) * np.abs(slope) / length)
    if slope[best] >= 0:
        return None
    return np.clip(np.array([S0, D, -slope[best] / length[best], FINE_DSTAR[best]]) / SCALE, LOWER, UPPER)


def problem(s):
    def at(u):
        return ivim({"b": B}, *(u * SCALE))

    return Fit(lambda u: at(u)[0] - s, lambda u: (at(u)[1] * SCALE[:, None]).T, LOWER, UPPER, SCALE, False)


def optimum(s):
    """The least sum of squares, and how many distinct ends (in the first six digits) the starts have led to."""
    fit, ends = problem(s), []
    waiting = starts(s)
    while waiting:
        u = fit.damped(waiting.pop())
        ends.append(fit.ssq(u))
        way_down = off_the_plateau(s, u)
        if way_down is not None and fit.ssq(way_down) < ends[-1] * (1 - 1e-12):
            waiting.append(way_down)
    return min(ends), len({f"{end:.5e}" for end in ends})


def brute_force(s, rng):
    fit = problem(s)
    ends = sorted((fit.from_start(rng.uniform(LOWER, UPPER)) for _ in range(60)), key=fit.ssq)
    return min(fit.ssq(fit.damped(u)) for u in ends[:8])


def main():
    signals = np.fromfile(DATA.parent / "reference/osipi_ivim/signals_f64le.bin", "<f8").reshape(-1, B.size)
    ssq, ends = np.array([optimum(s) for s in signals]).T
    print(f"{np.mean(ends > 1):.1%} of {len(ssq)} signals have several local minima, {ends.max():.0f} at most")
    rng = np.random.default_rng(3)
    for what, among in (("any", np.arange(len(ssq))), ("several minima", np.flatnonzero(ends > 1))):
        chosen = rng.choice(among, CHECKED, replace=False)
        ratio = ssq[chosen] / [brute_force(signals[i], rng) for i in chosen]
        print(f"against brute force, {CHECKED} signals ({what}): its ssq {ratio.min() - 1:+.1e} to {ratio.max() - 1:+.1e}")
        assert ratio.max() < 1 + 1e-10, "brute force found something lower"
    ssq.astype("<f8").tofile(HERE / "ssq.f64")


if __name__ == "__main__":
    main()
