"""Makes operators.csv: value and partial derivatives of each operator of the formula grammar, at and near its edges.

It uses mpmath at 50 digits and nothing of hepar; edges follow the table at the head of src/model/operator.rs and the
conventions below. Run: python3 make.py. Made with mpmath 1.3.0 (numpy 2.4.6 rounds the inputs to f32).

Columns: op, x, y, value, dx, dy; numbers have 17 significant digits. y and dy are empty for functions of one argument.
  neg + - * / exp expm1 log sqrt sin cos abs min max   as in the grammar
  ^     x^y where y is an argument like any other, even if it happens to be an integer
  ^n    x^y where y is an integer constant of the formula: products of x, so that x may be negative. dy is empty
Inputs are exact in f32, and normal or zero, so that one file serves f32 and f64. Results are those of f64: an evaluator in
f32 has +-inf for what is above its range, and 0 for what is below its smallest normal number. The sign of a zero has no
meaning.

Conventions for derivatives
  value is NaN      NaN, both. (A derivative that does not depend on the argument, as that of x + y, may be computed all the
                    same: nobody asks for the slope where there is no value.)
  abs               0 at 0
  sqrt              0 at 0: no information, where the true slope is infinite
  log, /            NaN for x <= 0, and for y = 0
  x^y, dx           at x = 0: 0 for y > 1, 1 for y = 1, and 0 for 0 < y < 1 (no information). y = 0 is the constant 1: dx = 0
  x^y, dy           x^y log x; at x = 0: 0 for y > 0, NaN for y = 0; NaN for x < 0, where only y = 0 has a value
  min, max          1/2 to each of two equal arguments
  exp               as its value: 0 where that would be subnormal, +inf above the range
"""
import csv
import sys
from pathlib import Path

import numpy as np
from mpmath import mp, mpf

mp.dps = 50
NAN, INF = mpf("nan"), mpf("inf")
NOTHING = (NAN, NAN, NAN)
SMALLEST_NORMAL = mpf(sys.float_info.min)


def flushed(value):
    """What exp makes of a value: no subnormal numbers."""
    return mpf(0) if abs(value) < SMALLEST_NORMAL else value


def exponential(x):
    value = flushed(mp.exp(x))
    return value, value


def logarithm(x):
    if x <= 0:
        return NOTHING[:2]
    return mp.log(x), 1 / x


def root(x):
    if x < 0:
        return NOTHING[:2]
    return mp.sqrt(x), mpf(0) if x == 0 else 1 / (2 * mp.sqrt(x))


def sine(x):
    return NOTHING[:2] if mp.isinf(x) else (mp.sin(x), mp.cos(x))


def cosine(x):
    return NOTHING[:2] if mp.isinf(x) else (mp.cos(x), -mp.sin(x))


def quotient(x, y):
    return NOTHING if y == 0 else (x / y, 1 / y, -x / y**2)


def power(x, y):
    if y == 0:
        return mpf(1), mpf(0), mp.log(x) if x > 0 else NAN
    if x < 0 or (x == 0 and y < 0):
        return NOTHING
    if x == 0:
        return mpf(0), mpf(1 if y == 1 else 0), mpf(0)
    value = x**y
    return flushed(value), flushed(y * x ** (y - 1)), flushed(value * mp.log(x))


def integer_power(x, n):
    if x == 0 and n < 0:
        return NOTHING[:2]
    return (mpf(1), mpf(0)) if n == 0 else (x ** int(n), n * x ** int(n - 1))


def chosen(x, y, x_wins):
    """min and max: the value and who of the two has the slope."""
    if x == y:
        return x, mpf(1) / 2, mpf(1) / 2
    return (x, mpf(1), mpf(0)) if x_wins else (y, mpf(0), mpf(1))


ONE = {
    "neg": lambda x: (-x, mpf(-1)),
    "exp": exponential,
    "expm1": lambda x: (mp.expm1(x), flushed(mp.exp(x))),
    "log": logarithm,
    "sqrt": root,
    "sin": sine,
    "cos": cosine,
    "abs": lambda x: (abs(x), mp.sign(x)),
}
TWO = {
    "+": lambda x, y: (x + y, mpf(1), mpf(1)),
    "-": lambda x, y: (x - y, mpf(1), mpf(-1)),
    "*": lambda x, y: (x * y, y, x),
    "/": quotient,
    "^": power,
    "^n": integer_power,
    "min": lambda x, y: chosen(x, y, x < y),
    "max": lambda x, y: chosen(x, y, x > y),
}

TINY, HUGE = 2.0**-126, 1e30  # the smallest normal number of f32, and one near its largest
inf, nan = float("inf"), float("nan")
INPUTS_OF_ONE = {
    "neg": [0.0, -0.0, 1.5, -0.7, TINY, -HUGE, inf, nan],
    "exp": [0.0, -0.0, 1.0, -1.0, 0.3, -0.3, 1e-6, -1e-6, 10.0, -10.0, -37.5, 60.0, -60.0, -87.0, 88.0, -100.0, 100.0,
            -708.0, 709.0, -709.0, 710.0, -1e4, 1e4, inf, -inf, nan],
    "expm1": [0.0, -0.0, 1e-12, -1e-12, 1e-4, -1e-4, 0.01, -0.01, 0.3, -0.3, 0.49, -0.49, 0.51, -0.51, 1.0, -1.0, 10.0, -10.0,
              -50.0, 88.0, 100.0, -100.0, 710.0, -1e4, 1e4, inf, -inf, nan],
    "log": [0.0, -0.0, -1.0, -TINY, TINY, 1e-20, 1e-3, 0.1, 0.5, 1 - 2.0**-20, 1.0, 1 + 2.0**-20, 1.1, 2.0, 10.0, 1e5,
            HUGE, inf, -inf, nan],
    "sqrt": [0.0, -0.0, -1.0, -TINY, TINY, 1e-20, 1e-3, 0.25, 1.0, 2.0, 3.0, 1e5, HUGE, inf, -inf, nan],
    "sin": [0.0, -0.0, TINY, 1e-4, 0.5, -0.5, 1.0, 1.5707964, 3.1415927, -3.1415927, 6.2831855, 10.0, 100.0, inf, -inf, nan],
    "cos": [0.0, -0.0, TINY, 1e-4, 0.5, -0.5, 1.0, 1.5707964, 3.1415927, -3.1415927, 6.2831855, 10.0, 100.0, inf, -inf, nan],
    "abs": [0.0, -0.0, TINY, -TINY, 1.5, -1.5, HUGE, -HUGE, inf, -inf, nan],
}
INPUTS_OF_TWO = {
    "+": [(1.0, 2.0), (0.1, -0.1), (1.0, 2.0**-24), (0.0, -0.0), (HUGE, -1.0), (inf, 1.0), (inf, -inf), (nan, 1.0),
          (1.0, nan)],
    "-": [(1.0, 2.0), (0.1, 0.1), (1.0, 2.0**-24), (0.0, -3.0), (HUGE, 1.0), (-inf, 1.0), (inf, inf), (nan, 1.0),
          (1.0, nan)],
    "*": [(1.5, -2.0), (0.1, 0.1), (0.0, 5.0), (0.0, 0.0), (1e15, 1e15), (TINY, 2.0), (inf, 2.0), (0.0, inf), (nan, 0.0),
          (0.0, nan)],
    "/": [(1.0, 3.0), (-1.0, 3.0), (0.0, 2.0), (1.0, 0.0), (1.0, -0.0), (-1.0, 0.0), (0.0, 0.0), (inf, 0.0), (1.0, TINY),
          (TINY, 2.0**-100), (3.0, 1e-9), (1e-9, 3.0), (HUGE, 1e15), (1.0, inf), (inf, 2.0), (inf, inf), (nan, 1.0),
          (1.0, nan)],
    "^": [(2.0, 3.0), (2.0, 0.5), (2.0, -1.5), (0.3, 0.7), (10.0, 0.1), (1.0, 5.5), (1.0, -5.5), (1 + 2.0**-13, 1e4),
          (1e-3, 0.11), (1e-9, 0.5), (TINY, 0.5), (TINY, 0.11), (TINY, 1.0), (0.0, 3.0), (0.0, 1.5), (0.0, 1.0), (0.0, 0.75),
          (0.0, 0.5), (0.0, 0.11), (-0.0, 0.5), (0.0, TINY), (0.0, -0.5), (0.0, -1.0), (0.0, 0.0), (2.0, 0.0), (-2.0, 0.0),
          (nan, 0.0), (-2.0, 2.0), (-2.0, 3.0), (-2.0, 0.5), (-2.0, -1.0), (-TINY, 0.5), (2.0, 100.0), (2.0, 1100.0),
          (2.0, -1100.0), (0.5, 1100.0), (nan, 0.5), (2.0, nan), (0.0, nan)],
    "^n": [(2.0, 3.0), (-2.0, 3.0), (-2.0, 2.0), (-2.0, 1.0), (-2.0, 0.0), (-2.0, -1.0), (-2.0, -2.0), (-2.0, -3.0),
           (0.3, 2.0), (-0.3, 5.0), (1.1, 16.0), (-1.1, 17.0), (1e-4, 4.0), (1e-4, -4.0), (0.0, 0.0), (0.0, 1.0), (0.0, 2.0),
           (-0.0, 3.0), (0.0, -1.0), (-0.0, -2.0), (nan, 0.0), (nan, 2.0), (nan, -1.0)],
    "min": [(1.0, 2.0), (2.0, 1.0), (-1.0, 1.0), (1.5, 1.5), (0.0, 0.0), (0.0, -0.0), (0.0, TINY), (1.0, 1 + 2.0**-23),
            (HUGE, -HUGE), (inf, 1.0), (-inf, 1.0), (nan, 1.0), (1.0, nan), (nan, nan)],
    "max": [(1.0, 2.0), (2.0, 1.0), (-1.0, 1.0), (1.5, 1.5), (0.0, 0.0), (0.0, -0.0), (0.0, TINY), (1.0, 1 + 2.0**-23),
            (HUGE, -HUGE), (inf, 1.0), (-inf, 1.0), (nan, 1.0), (1.0, nan), (nan, nan)],
}


def of_one(op, x):
    value, dx = NOTHING[:2] if mp.isnan(x) else ONE[op](x)
    return value, dx, None


def of_two(op, x, y):
    """NaN in, NaN out, but for the constant x^0."""
    if mp.isnan(y) or (mp.isnan(x) and not (op in ("^", "^n") and y == 0)):
        found = NOTHING
    else:
        found = TWO[op](x, y)
    if mp.isnan(found[0]):
        found = NOTHING
    return (*found[:2], None if op == "^n" else found[2])


def text(number):
    """17 digits; numbers above the range of f64 are infinite."""
    if number is None:
        return ""
    if abs(number) >= mpf(2) ** 1024:
        number = mp.sign(number) * INF
    return format(float(number), ".17g")


def main():
    with open(Path(__file__).with_name("operators.csv"), "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["op", "x", "y", "value", "dx", "dy"])
        for op, inputs in INPUTS_OF_ONE.items():
            for x in np.float32(inputs).astype(float):
                writer.writerow([op, format(x, ".17g"), "", *map(text, of_one(op, mpf(x)))])
        for op, inputs in INPUTS_OF_TWO.items():
            for x, y in np.float32(inputs).astype(float):
                writer.writerow([op, format(x, ".17g"), format(y, ".17g"), *map(text, of_two(op, mpf(x), mpf(y)))])


if __name__ == "__main__":
    main()
