"""The formulas of make.py: each model's signal, written by hand, and what its reference rows are drawn from.

The first models return the signal and its derivatives, one row a parameter, for real and for complex parameters. The others
return the signal alone; they are analytic in their parameters wherever they are evaluated (`magnitude` and `at_least` keep
the side of the real part), so that a complex step gives a derivative to rounding.
"""
from collections import namedtuple

import numpy as np


def adc(axes, S0, ADC):
    b = axes["b"]
    e = np.exp(-b * ADC)
    return S0 * e, np.array([e, -b * S0 * e])


def ivim(axes, S0, D, f, Dstar):
    b = axes["b"]
    slow, fast = np.exp(-b * D), np.exp(-b * Dstar)
    mixed = (1 - f) * slow + f * fast
    return S0 * mixed, np.array([mixed, -b * S0 * (1 - f) * slow, S0 * (fast - slow), -b * S0 * f * fast])


def ivim_simplified(axes, S0, D, f):
    b = axes["b"]
    slow, blood = np.exp(-b * D), np.clip(1 - b, 0, None)
    mixed = (1 - f) * slow + f * blood
    return S0 * mixed, np.array([mixed, -b * S0 * (1 - f) * slow, S0 * (blood - slow)])


def kurtosis(axes, S0, D, K):
    b = axes["b"]
    e = np.exp(-b * D + b**2 * D**2 * K / 6)
    return S0 * e, np.array([e, S0 * e * (-b + b**2 * D * K / 3), S0 * e * b**2 * D**2 / 6])


def stretched_exponential(axes, S0, DDC, alpha):
    b = axes["b"]
    x = b * DDC
    edge = x == 0  # x^alpha is 0 there; its infinite slope at DDC = 0 carries no information and counts as 0
    inside = np.where(edge, 1, x)
    power, log = np.where(edge, 0, inside**alpha), np.log(inside)
    e = np.exp(-power)
    per_ddc = np.where(edge, 0, alpha * b * power / inside)
    return S0 * e, np.array([e, -S0 * e * per_ddc, -S0 * e * power * log])


def triexponential(axes, S0, D, f, share, Dstar, Dstarstar):
    b = axes["b"]
    slow, fast, faster = np.exp(-b * D), np.exp(-b * Dstar), np.exp(-b * Dstarstar)
    blood = (1 - share) * fast + share * faster
    mixed = (1 - f) * slow + f * blood
    return S0 * mixed, np.array([mixed, -b * S0 * (1 - f) * slow, S0 * (blood - slow), S0 * f * (faster - fast),
                                 -b * S0 * f * (1 - share) * fast, -b * S0 * f * share * faster])


def by_step(signal):
    """A formula with its derivatives by complex steps (Squire and Trapp 1998, doi:10.1137/S003614459631241X)."""
    def with_derivatives(axes, *parameters):
        value = np.array(parameters, float)
        size = np.maximum(np.abs(value), 1e-6) * 1e-30
        rows = [signal(axes, *(value + 1j * h * (np.arange(value.size) == k))).imag / h for k, h in enumerate(size)]
        return signal(axes, *value), np.array(rows)
    with_derivatives.by_step = True
    return with_derivatives


def magnitude(x):
    return np.where(np.real(x) < 0, -x, x)


def at_least(x, least):
    return np.where(np.real(x) < least, least, x)


@by_step
def ivim_kurtosis(axes, S0, D, f, K, Dstar):
    b = axes["b"]
    return S0 * (f * np.exp(-b * Dstar) + (1 - f) * np.exp(-b * D + b**2 * D**2 * K / 6))


@by_step
def gamma(axes, S0, D, kappa):
    theta = D / kappa
    return S0 * (1 + theta * axes["b"]) ** -kappa


@by_step
def t2_ivim(axes, S_te, D, f_te, T2, T2_blood, Dstar, te_ref):
    b, later = axes["b"], axes["te"] - te_ref
    blood, tissue = np.exp(-b * Dstar) * np.exp(-later / T2_blood), np.exp(-b * D) * np.exp(-later / T2)
    return S_te * f_te * blood + S_te * (1 - f_te) * tissue


@by_step
def t2(axes, S0, T2):
    return S0 * np.exp(-axes["te"] / T2)


@by_step
def t2star(axes, S0, R2star):
    return S0 * np.exp(-1e-3 * axes["te"] * R2star)


@by_step
def t2star_offset(axes, S0, offset, R2star):
    return offset + S0 * np.exp(-1e-3 * axes["te"] * R2star)


@by_step
def t1_vfa(axes, S0, T1):
    flip, E1 = np.deg2rad(axes["flip_angle"]), np.exp(-axes["tr"] / T1)
    return S0 * np.sin(flip) * (1 - E1) / (1 - np.cos(flip) * E1)


@by_step
def t1_ir(axes, S0, inversion, T1):
    return magnitude(S0 - S0 * inversion * np.exp(-axes["ti"] / T1))


@by_step
def fat_water(axes, S0, R2star, PDFF, B0):
    """Through the complex signal: its real and its imaginary part are computed apart, to leave the step's unit free."""
    te_s = axes["te"] * 1e-3
    shifts_ppm = np.array([5.3, 4.2, 2.75, 2.1, 1.3, 0.9]) - 4.7
    shares = np.array([0.047, 0.039, 0.006, 0.120, 0.700, 0.088])
    turns = 42.577478518 * np.outer(shifts_ppm, te_s) * B0.real
    real, imaginary = shares @ np.cos(2 * np.pi * turns), shares @ np.sin(2 * np.pi * turns)
    water, fat = S0 * (1 - PDFF), S0 * PDFF
    return np.sqrt((water + fat * real) ** 2 + (fat * imaginary) ** 2) * np.exp(-te_s * R2star)


@by_step
def bolus_lognormal(axes, S0, enhancement, sigma, rise, delay):
    """As an area under the curve times a lognormal density, which it is published as."""
    t = at_least(axes["time"] - delay, 1e-3)
    mu = np.log(rise) + sigma**2
    area = enhancement * rise * sigma * np.sqrt(2 * np.pi) * np.exp(sigma**2 / 2)
    return S0 + area / (np.sqrt(2 * np.pi) * sigma * t) * np.exp(-((np.log(t) - mu) ** 2) / (2 * sigma**2))


@by_step
def unmix2(axes, c1, c2):
    return c1 * axes["s1"] + c2 * axes["s2"]


@by_step
def unmix3(axes, c1, c2, c3):
    return c1 * axes["s1"] + c2 * axes["s2"] + c3 * axes["s3"]


# `usual` is what truths are drawn from: what is in units of the signal is in units of a size near 1 or 500, and so is S0
# where it is not named. `edges` are near the edges of the box, `snr` is that size over sigma, and samples of a `magnitude`
# model are the magnitudes of noisy ones.
Case = namedtuple("Case", "function axes usual edges snr magnitude", defaults=[False])


def b(values):
    return {"b": ("s/mm^2", values)}


IVIM_B = "0 10 20 40 60 80 110 140 200 300 400 600 800"
CASES = {
    "adc": Case(adc, b("50 200 500 750"), {"ADC": (5e-4, 3e-3)},
                [(-0.0049,), (-0.001,), (-1e-5,), (1e-5,), (1e-4,), (0.006,), (0.012,), (0.0198,)], (20, 200)),
    "ivim": Case(ivim, b(IVIM_B), {"D": (5e-4, 2e-3), "f": (0.08, 0.45), "Dstar": (0.015, 0.12)},
                 [(1e-3, 0.01, 0.05), (1e-3, 0.97, 0.03), (2e-5, 0.2, 0.05), (4.9e-3, 0.3, 0.15), (1e-3, 0.3, 0.0055),
                  (1.1e-3, 0.3, 0.195), (2e-3, 0.03, 0.19), (4e-4, 0.6, 0.008)], (20, 200)),
    "ivim_fixed_dstar": Case(ivim, b(IVIM_B), {"D": (5e-4, 2e-3), "f": (0.08, 0.45)},
                             [(1e-3, 0.005), (1e-3, 0.99), (1e-5, 0.2), (4.95e-3, 0.3), (3e-3, 0.9), (2e-5, 0.01),
                              (4.9e-3, 0.02), (1.5e-3, 0.7)], (20, 200)),
    "ivim_simplified": Case(ivim_simplified, b("0 50 100 200 400 600 800"), {"D": (5e-4, 2e-3), "f": (0.08, 0.45)},
                            [(1e-3, 0.005), (1e-3, 0.99), (1e-5, 0.2), (4.95e-3, 0.3), (3e-3, 0.9), (2e-5, 0.01),
                             (4.9e-3, 0.02), (1.5e-3, 0.7)], (20, 200)),
    "kurtosis": Case(kurtosis, b("0 100 200 400 700 1000 1300 1600 2000"), {"D": (6e-4, 1.6e-3), "K": (0.2, 0.9)},
                     [(1e-3, -0.98), (2.5e-4, 3.95), (1e-3, 0.001), (4.9e-3, 0.3), (2e-5, 1.0), (1.2e-3, 2.5),
                      (5e-4, 3.6), (2e-3, -0.5)], (20, 200)),
    "stretched_exponential": Case(stretched_exponential, b("0 10 30 50 100 200 400 600 800 1000"),
                                  {"DDC": (6e-4, 3e-3), "alpha": (0.5, 0.95)},
                                  [(1e-3, 0.11), (1.5e-3, 0.995), (2e-5, 0.6), (0.0195, 0.5), (0.0195, 0.98),
                                   (1e-4, 0.2), (0.01, 0.15), (3e-3, 0.3)], (20, 200)),
    "triexponential": Case(triexponential, b("0 1 2 3 5 8 12 16 20 30 40 60 80 100 150 200 300 400 600 800"),
                           {"D": (7e-4, 1.6e-3), "f": (0.25, 0.55), "share": (0.3, 0.7), "Dstar": (0.012, 0.035),
                            "Dstarstar": (0.12, 0.6)},
                           [(1e-3, 0.02, 0.5, 0.02, 0.3), (1e-3, 0.95, 0.5, 0.02, 0.3), (2e-5, 0.3, 0.5, 0.02, 0.3),
                            (4.8e-3, 0.5, 0.5, 0.03, 0.4), (1e-3, 0.4, 0.02, 0.02, 0.3), (1e-3, 0.4, 0.97, 0.02, 0.3),
                            (1e-3, 0.4, 0.5, 0.048, 0.055), (1.2e-3, 0.4, 0.5, 0.0055, 0.97)], (50, 2000)),
    "ivim_kurtosis": Case(ivim_kurtosis, b("0 5 10 20 30 50 70 100 150 200 400 600 800 1000 1300 1600 2000"),
                          {"D": (7e-4, 1.8e-3), "f": (0.1, 0.4), "K": (0.3, 1.2), "Dstar": (0.02, 0.1)},
                          [(1e-3, 0.01, 0.6, 0.05), (1e-3, 0.95, 0.6, 0.03), (2e-5, 0.2, 1.0, 0.05), (1e-3, 0.2, -0.9, 0.05),
                           (4e-4, 0.2, 3.9, 0.05), (1.2e-3, 0.2, 0.6, 0.006), (1.2e-3, 0.3, 0.6, 0.19),
                           (2e-3, 0.3, 0.01, 0.05)], (50, 1000)),
    "gamma": Case(gamma, b("0 50 100 200 400 700 1000 1300 1600 2000 2500"), {"D": (8e-4, 2.5e-3), "kappa": (0.8, 4.0)},
                  [(1e-5, 1.0), (0.019, 1.0), (1e-3, 0.11), (1.5e-3, 45.0), (5e-4, 0.3), (3e-3, 20.0), (6e-3, 0.5),
                   (2e-4, 10.0)], (50, 500)),
    "t2_ivim": Case(t2_ivim, {"b": ("s/mm^2", " ".join(["0 10 30 60 100 200 400 800"] * 3)),
                              "te": ("ms", " ".join(["50"] * 8 + ["70"] * 8 + ["100"] * 8))},
                    {"S_te": (1.0, 1.0), "D": (8e-4, 1.6e-3), "f_te": (0.15, 0.4), "T2": (30, 60), "T2_blood": (70, 200), "Dstar": (0.02, 0.1)},
                    [(1, 1e-3, 0.02, 40, 100, 0.05), (1, 1e-3, 0.9, 40, 100, 0.05), (1, 2e-5, 0.2, 40, 100, 0.05),
                     (1, 1e-3, 0.3, 12, 100, 0.05), (1, 1e-3, 0.3, 480, 100, 0.05), (1, 1e-3, 0.3, 40, 20, 0.05),
                     (1, 1e-3, 0.3, 40, 900, 0.05), (1, 1e-3, 0.3, 40, 100, 0.006)], (100, 1000)),
    "t2": Case(t2, {"te": ("ms", "10 20 30 40 50 60 80 100 140 200")}, {"T2": (30, 120)},
               [(4.0,), (12.0,), (250.0,), (500.0,), (900.0,), (1500.0,), (2500.0,), (2950.0,)], (20, 200)),
    "t2star": Case(t2star, {"te": ("ms", "1.1 2.3 3.5 4.7 5.9 7.1 8.3 9.5")}, {"R2star": (25, 400)},
                   [(0.5,), (3.0,), (8.0,), (700.0,), (1000.0,), (1500.0,), (2200.0,), (2950.0,)], (20, 200)),
    "t2star_offset": Case(t2star_offset, {"te": ("ms", "0.9 1.6 2.3 3.5 4.7 5.9 7.1 8.3 9.5 12 15 20")},
                          {"offset": (0.05, 0.3), "R2star": (80, 600)},
                          [(0.01, 20.0), (0.5, 100.0), (0.001, 300.0), (0.1, 1000.0), (0.05, 1500.0), (0.2, 2000.0),
                           (0.8, 400.0), (0.02, 50.0)], (50, 500)),
    "t1_vfa": Case(t1_vfa, {"flip_angle": ("degree", "2 5 10 15 20 25"), "tr": ("ms", "3.71 3.71 3.71 3.71 3.71 3.71")},
                   {"T1": (300, 1500)},
                   [(15.0,), (40.0,), (100.0,), (2500.0,), (4000.0,), (6000.0,), (8000.0,), (9800.0,)], (500, 5000)),
    "t1_ir": Case(t1_ir, {"ti": ("ms", "50 120 250 400 600 800 1100 1500 2200 3500")},
                  {"inversion": (1.6, 2.0), "T1": (300, 1500)},
                  [(0.55, 600.0), (1.02, 600.0), (2.45, 600.0), (1.9, 30.0), (1.9, 100.0), (1.95, 3000.0), (1.9, 6000.0),
                   (1.2, 900.0)], (20, 200), True),
    "fat_water": Case(fat_water, {"te": ("ms", "1.1 2.2 3.3 4.4 5.5 6.6 7.7 8.8 9.9 11.0 12.1 13.2")},
                      {"R2star": (25, 120), "PDFF": (0.03, 0.4)},
                      [(40.0, 0.005), (40.0, 0.97), (40.0, 0.5), (40.0, 0.6), (1.0, 0.2), (300.0, 0.2), (600.0, 0.1),
                       (60.0, 0.8)], (50, 500), True),
    "bolus_lognormal": Case(bolus_lognormal, {"time": ("s", " ".join(str(2 * i) for i in range(40)))},
                            {"S0": (0.05, 0.2), "enhancement": (0.7, 1.5), "sigma": (0.4, 0.8), "rise": (6, 14),
                             "delay": (5, 15)},
                            [(0.1, 1.0, 0.15, 10.0, 10.0), (0.1, 1.0, 1.3, 10.0, 10.0), (0.1, 1.0, 0.5, 2.0, 10.0),
                             (0.1, 1.0, 0.5, 50.0, 10.0), (0.1, 1.0, 0.5, 10.0, 0.5), (0.1, 1.0, 0.5, 10.0, 50.0),
                             (0.0, 0.3, 0.6, 8.0, 20.0), (0.5, 1.0, 0.6, 20.0, 5.0)], (50, 500)),
    "unmix2": Case(unmix2, {"s1": ("1", "0.29 0.39 0.586 0.816 1.058 1.198"), "s2": ("1", "1.79428 1.1022 1.54852 0.76172 0.69132 0.76184")},
                   {"c1": (0.3, 1.0), "c2": (0.2, 0.8)},
                   [(0.01, 1.0), (1.0, 0.01), (-0.1, 1.0), (1.0, -0.05), (0.001, 0.5), (0.5, 0.001), (2.0, 2.0), (0.1, 0.1)],
                   (20, 200)),
    "unmix3": Case(unmix3, {"s1": ("1", "0.29 0.39 0.586 0.816 1.058 1.198"), "s2": ("1", "1.79428 1.1022 1.54852 0.76172 0.69132 0.76184"), "s3": ("1", "0.1 0.12 0.9 0.6 0.3 0.15")},
                   {"c1": (0.3, 1.0), "c2": (0.2, 0.8), "c3": (0.2, 0.8)},
                   [(0.01, 1.0, 0.3), (1.0, 0.01, 0.3), (-0.1, 1.0, 0.3), (1.0, -0.05, 0.3), (1.0, 0.5, 0.001), (0.5, 0.5, -0.1),
                    (2.0, 2.0, 2.0), (0.1, 0.1, 0.1)], (50, 500)),
}
