"""Holds the reference fits of make.py against DIPY's own fits of the same rows, for the two models that DIPY has.

IVIM (bounded trust region): no end of DIPY's within the bounds may have a lower sum of squares than the row's ssq.
Kurtosis (mean signal, weighted log-linear, so not the same estimator): the fits of noiseless signals must be the truth.
Run: python3 cross_check.py. Used with DIPY 1.12.1.
"""
import csv
import sys
import warnings

import numpy as np
from dipy.core.gradients import gradient_table
from dipy.reconst.ivim import IvimModel
from dipy.reconst.msdki import MeanDiffusionKurtosisModel

sys.dont_write_bytecode = True
from make import HERE, Problem  # noqa: E402


def read(name):
    """The model, and of all rows in units of the fitted S0 (DIPY's tolerances are absolute): sigma, samples, fit, ssq."""
    problem = Problem(name)
    with open(HERE / f"{name}.csv") as file:
        file.readline()
        rows = list(csv.DictReader(file))
    column = lambda key: np.array([float(row[key]) for row in rows])
    fit = np.column_stack([column(f"fit_{p}") for p in problem.names])
    s0 = fit[:, 0].copy()
    samples = np.column_stack([column(f"signal_{i}") for i in range(problem.b.size)]) / s0[:, None]
    fit[:, 0] = 1
    return problem, column("sigma") / s0, samples, fit, column("ssq") / s0**2


def table(b):
    return gradient_table(b, bvecs=np.outer(b > 0, [1.0, 0, 0]), b0_threshold=0)


def ivim():
    problem, sigma, samples, fit, ssq = read("ivim")
    order = [0, 2, 3, 1]  # DIPY's: S0, f, D*, D
    box = [list(edge[order]) for edge in (problem.lower, problem.upper)]
    model = IvimModel(table(problem.b), fit_method="trr", bounds=box, tol=1e-15, gtol=1e-15, ftol=1e-15)
    theirs = model.fit(samples).model_params[:, np.argsort(order)]
    inside = np.all((theirs >= problem.lower) & (theirs <= problem.upper), 1) & (sigma > 0)
    ratio = np.array([np.sum((problem.signal(t) - s) ** 2) for t, s in zip(theirs, samples)])[inside] / ssq[inside]
    assert ratio.min() > 1 - 1e-9, ratio.min()
    print(f"IVIM, noisy: {inside.sum()} of {np.sum(sigma > 0)} of DIPY's ends are within the bounds; their ssq / ours is "
          f"at least {ratio.min():.12f}, and below 1 + 1e-6 in {np.sum(ratio < 1 + 1e-6)}")
    summarise("IVIM", problem, theirs, fit, sigma == 0)


def kurtosis():
    problem, sigma, samples, fit, _ = read("kurtosis")
    found = MeanDiffusionKurtosisModel(table(problem.b), bmag=0, return_S0_hat=True, min_signal=1e-30).fit(samples)
    theirs = np.column_stack([found.S0_hat, found.model_params])
    summarise("kurtosis", problem, theirs, fit, sigma == 0)


def summarise(name, problem, theirs, fit, rows):
    deviation = np.max(np.abs(theirs - fit) / np.maximum(np.abs(fit), 0.1 * problem.scale), 1)[rows]
    print(f"{name}, noiseless: {np.sum(deviation < 1e-5)} of {rows.sum()} within 1e-5 of every parameter; "
          f"the others are off by {np.round(deviation[deviation >= 1e-5], 4)}")


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    ivim()
    kurtosis()
