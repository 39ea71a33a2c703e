"""Makes the reference fits that the signal models of models/signal/ are held against: one CSV a model, in this folder.

It uses numpy and scipy and nothing of hepar. The formulas are written by hand in formulas.py; only the
bounds and the values of fixed parameters are read from the models' TOML files, so that they are one fact.
Run: python3 make.py [MODEL ...] (2 minutes). Made with Python 3.11, numpy 2.4.6, scipy 1.17.1. Seeds are fixed; the last
digits may differ with another numpy or processor. cross_check.py holds the files against DIPY, which has two of the models.

A file: a comment line an axis, `# axis NAME UNIT VALUES...`, then a header, and 20 noiseless and 40 noisy rows.
  sigma            sd of the Gaussian noise, in units of the signal; 0: noiseless
  true_P           the truth of each parameter P, in the units of the TOML file. S0 is about 1, in a third of rows 500
  signal_0...      the samples, in the order of the axis values
  fit_P, se_P      the global optimum of bounded least squares, and its standard errors, for each P that is not fixed
  ssq              sum of squared residuals at the optimum
  well_determined  1 if a program's fit_P and se_P can be compared; else only its sum of squares can

se_P = sqrt(diag((J'J)^-1) * ssq / (n - p)): n samples, p all fitted parameters (those at a bound count), J the analytic
Jacobian over the parameters that are off their bounds and change the signal. The others have an empty se_P, and one that
does not change the signal (Dstar where f = 0) has an arbitrary fit_P. well_determined is 1 where every fitted parameter
is off its bounds and its se is below 10 % of its value (in noiseless rows, whose se are 0: the se at S0/sigma = 1000).

Noiseless rows: the fit is the truth. A fit that starts 1 % beside it must come back.
Noisy rows: scipy's least_squares (trf) from 64 Sobol points of the box and from the truth. The best six ends are polished
by Levenberg-Marquardt with an active set and by Newton steps with the Hessian from complex steps, until the gradient of
the free parameters vanishes (below 1e-9 of its scale) and that of parameters at a bound points outwards. The lowest is
the optimum. It stays the same, within 1e-12 of ssq, with 192 other starts.
"""
import csv
import sys
import tomllib
from collections import namedtuple
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares
from scipy.stats import qmc

from formulas import CASES

HERE = Path(__file__).resolve().parent
MODELS = HERE.parents[2] / "models/signal"
NOISELESS, NOISY, STARTS = 20, 40, 64


class Problem:
    """A model at its samples, with parameters in units of `scale` so that they are near 1."""

    def __init__(self, name):
        parameters = tomllib.loads((MODELS / f"{name}.toml").read_text())["parameter"]
        self.function = CASES[name].function
        self.axes = {axis: np.array(values.split(), float) for axis, (_, values) in CASES[name].axes.items()}
        self.b = self.axes.get("b")
        self.all = list(parameters)
        self.fixed = {p: v["fixed"] for p, v in parameters.items() if "fixed" in v}
        self.names = [p for p in self.all if p not in self.fixed]
        self.in_signal = np.array([parameters[p]["unit"] == "signal" for p in self.names])
        self.lower, self.upper = np.array([parameters[p]["bounds"] for p in self.names], float).T
        self.scale = np.array([parameters[p].get("scale", 1.0) for p in self.names])

    def full(self, values):
        """The values of all parameters from those of the fitted ones."""
        fitted = dict(zip(self.names, values))
        return [fitted.get(p, self.fixed.get(p)) for p in self.all]

    def signal(self, values):
        return self.function(self.axes, *self.full(values))[0]

    def jacobian(self, values):
        rows = self.function(self.axes, *self.full(values))[1]
        return rows[[self.all.index(p) for p in self.names]].T

    def for_samples(self, samples):
        """Residual, Jacobian and box in scaled parameters; S0 and the samples in units of the largest sample."""
        unit = np.abs(samples).max()
        scale = np.where(self.in_signal, unit, self.scale)
        return Fit(lambda u: (self.signal(u * scale) - samples) / unit,
                   lambda u: self.jacobian(u * scale) * scale / unit, self.lower / scale, self.upper / scale, scale,
                   hasattr(self.function, "by_step"))


class Fit(namedtuple("Fit", "residual jacobian lower upper scale is_by_step")):
    def gradient(self, u):
        return self.jacobian(u).T @ self.residual(u)

    def free(self, u, gradient):
        return ~(((u <= self.lower) & (gradient >= 0)) | ((u >= self.upper) & (gradient <= 0)))

    def ssq(self, u):
        return float(np.sum(self.residual(u) ** 2))

    def on_bounds(self, u):
        """What the gradient pushes out of the box and lies within 1e-9 of its edge is put onto it: TRF stays inside."""
        gradient = self.gradient(u)
        u = np.where((u - self.lower < 1e-9) & (gradient > 0), self.lower, u)
        return np.where((self.upper - u < 1e-9) & (gradient < 0), self.upper, u)

    def damped(self, u):
        """Levenberg-Marquardt over the free parameters, projected onto the box, until no step is downhill."""
        u = self.on_bounds(u)
        damping, best = 1e-3, self.ssq(u)
        for _ in range(2000):
            J, gradient = self.jacobian(u), self.gradient(u)
            free = self.free(u, gradient)
            normal = J[:, free].T @ J[:, free]
            ridge = damping * np.diag(np.maximum(np.diag(normal), 1e-30))
            trial = u.copy()
            trial[free] -= np.linalg.solve(normal + ridge, gradient[free])
            trial = np.clip(trial, self.lower, self.upper)
            ssq = self.ssq(trial)
            if ssq < best:
                u, best, damping = trial, ssq, max(damping / 5, 1e-13)
            elif damping > 1e8:
                break
            else:
                damping *= 4
        return u

    def newton(self, u):
        """Newton steps while they lower the gradient: the sum of squares itself no longer resolves them."""
        for _ in range(30):
            gradient = self.gradient(u)
            free = self.free(u, gradient)
            hessian = self.hessian(u)[np.ix_(free, free)]
            if not free.any() or np.linalg.eigvalsh(hessian)[0] < 1e-14 * np.trace(hessian):
                break
            trial = u.copy()
            trial[free] -= np.linalg.solve(hessian, gradient[free])
            inside = np.all((trial >= self.lower) & (trial <= self.upper))
            if not inside or np.linalg.norm(self.gradient(trial)[free]) >= np.linalg.norm(gradient[free]):
                break
            u = trial
        return u

    def hessian(self, u):
        """By complex steps; where the Jacobian took these, by central differences, which steer a Newton step as well."""
        if self.is_by_step:
            steps = 1e-5 * np.diag(np.maximum(np.abs(u), 0.1))
            return np.array([(self.gradient(u + h) - self.gradient(u - h)) / (2 * h[k]) for k, h in enumerate(steps)])
        return np.array([self.gradient(u + h).imag / 1e-30 for h in 1e-30j * np.eye(len(u))])

    def optimality(self, u):
        """The largest component of the gradient of the free parameters, in units of its scale |J_k| |r|."""
        J, gradient = self.jacobian(u), self.gradient(u)
        scale = np.linalg.norm(J, axis=0) * np.linalg.norm(self.residual(u)) + 1e-300
        return np.max(np.where(self.free(u, gradient), np.abs(gradient) / scale, 0))

    def from_start(self, u):
        return least_squares(self.residual, np.clip(u, self.lower, self.upper), self.jacobian, max_nfev=300, method="trf",
                             bounds=(self.lower, self.upper), x_scale=1.0, ftol=1e-15, xtol=1e-15, gtol=1e-15).x

    def global_optimum(self, truth):
        """The lowest polished end of the starts, and the share of starts that TRF alone led to within 1e-6 of it."""
        high = np.where(np.isinf(self.upper), 2.0, self.upper)
        low = np.where(np.isinf(self.lower), -2.0, self.lower)
        points = qmc.Sobol(len(truth), seed=1).random(STARTS) * (high - low) + low
        ends = sorted((self.from_start(u) for u in [*points, truth / self.scale]), key=self.ssq)
        best = min((self.newton(self.damped(u)) for u in ends[:6]), key=self.ssq)
        assert self.optimality(best) < 1e-9, self.optimality(best)
        return best * self.scale, np.mean([self.ssq(u) < self.ssq(best) * (1 + 1e-6) for u in ends])


def standard_errors(problem, values, variance):
    """Of the parameters off their bounds; NaN for the others, and for those that do not change the signal."""
    J = problem.jacobian(values) * problem.scale
    free = (values > problem.lower) & (values < problem.upper) & (np.linalg.norm(J, axis=0) > 0)
    errors = np.full(len(values), np.nan)
    r_inverse = np.linalg.inv(np.linalg.qr(J[:, free], mode="r"))
    errors[free] = np.sqrt(np.sum(r_inverse**2, axis=1) * variance) * problem.scale[free]
    return errors


def truths(problem, case, rng):
    """The fitted parameters of all rows and sigma: edges come first in both parts."""
    low, high = np.array(list(case.usual.values())).T
    for count in (NOISELESS, NOISY):
        for i in range(count):
            others = case.edges[i] if i < len(case.edges) else rng.uniform(low, high)
            s0 = rng.uniform(0.8, 1.2) * (500 if i % 3 == 2 else 1)
            snr = np.inf if count == NOISELESS else rng.uniform(*case.snr)
            named = {"S0": 1.0, **dict(zip(case.usual, others))}
            values = np.array([named[p] for p in problem.names])
            yield np.where(problem.in_signal, values * s0, values), s0 / snr


def check_jacobian(problem, values):
    """Against complex steps."""
    steps = 1e-30j * np.diag(values)
    numeric = np.array([problem.signal(values + h).imag / h[k].imag for k, h in enumerate(steps)]).T
    assert np.allclose(problem.jacobian(values), numeric, rtol=1e-12, atol=1e-12 * values[0])


def make(name):
    problem, case = Problem(name), CASES[name]
    rng, rows, found = np.random.default_rng([7, *name.encode()]), [], []
    for truth, sigma in truths(problem, case, rng):
        if not hasattr(case.function, "by_step"):
            check_jacobian(problem, truth)
        samples = problem.signal(truth)
        if sigma > 0:
            samples = samples + rng.normal(0, sigma, samples.size)
            samples = np.abs(samples) if case.magnitude else samples
            values, share = problem.for_samples(samples).global_optimum(truth)
            found.append(share)
        else:
            values = truth
        ssq = float(np.sum((problem.signal(values) - samples) ** 2))
        freedom = samples.size - len(values)
        errors = standard_errors(problem, values, ssq / freedom)
        judged = errors if sigma > 0 else standard_errors(problem, values, (size(problem, truth) / 1000) ** 2)
        well = bool(np.all(judged < 0.1 * np.abs(values)))
        if sigma == 0:
            check_return(problem, samples, truth, well)
        rows.append([sigma, *problem.full(truth), *samples, *values, *errors, ssq, int(well)])
    write(problem, name, case, rows)
    at_bound = np.isnan(np.array(rows)[NOISELESS:]).any(1).sum()
    print(f"{name}: {sum(row[-1] for row in rows)} of {len(rows)} rows well determined, {at_bound} noisy rows with a "
          f"parameter at a bound, TRF alone finds the optimum from {min(found):.0%} to {max(found):.0%} of starts")


def size(problem, truth):
    """What is in units of the signal, of which S0 is the first."""
    return truth[problem.in_signal][0]


def check_return(problem, samples, truth, well):
    fit = problem.for_samples(samples)
    beside = np.clip(truth * 1.01 / fit.scale, fit.lower, fit.upper)
    back = fit.newton(fit.damped(fit.from_start(beside)))
    assert fit.ssq(back) < 1e-20, (truth, fit.ssq(back))
    assert not well or np.allclose(back * fit.scale, truth, rtol=1e-7), (truth, back * fit.scale)


def write(problem, name, case, rows):
    n_samples = len(next(iter(problem.axes.values())))
    header = ["sigma", *(f"true_{p}" for p in problem.all), *(f"signal_{i}" for i in range(n_samples)),
              *(f"fit_{p}" for p in problem.names), *(f"se_{p}" for p in problem.names), "ssq", "well_determined"]
    with open(HERE / f"{name}.csv", "w", newline="") as file:
        for axis, (unit, values) in case.axes.items():
            file.write(f"# axis {axis} {unit} {values}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            writer.writerow(["" if np.isnan(v) else repr(v if isinstance(v, int) else float(v)) for v in row])


def main():
    for name in sys.argv[1:] or CASES:
        make(name)


if __name__ == "__main__":
    main()
