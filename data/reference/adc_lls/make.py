"""Makes the reference ADC map that hepar is held against: ordinary least squares of log-signals in float64.

Reads the direction-averaged diffusion series `vol1_trace_bp_T70` of a healthy volunteer's abdomen (BSD-2-Clause,
github.com/awetscherek/ivim_tools) and writes `vol1_trace_bp_T70.f64`: float64, little-endian, Fortran order, mm²/s, one
value a voxel; NaN where fewer than two samples are above zero. It uses numpy's `lstsq` voxel by voxel and nothing of
hepar. Run: python3 make.py FOLDER, where FOLDER holds vol1_trace_bp_T70.nii.gz and .bval. Made with numpy 2.4, nibabel 5.4.
"""
import sys
from pathlib import Path

import nibabel
import numpy as np

folder = Path(sys.argv[1])
b = np.loadtxt(folder / "vol1_trace_bp_T70.bval").ravel()
signal = nibabel.load(folder / "vol1_trace_bp_T70.nii.gz").get_fdata()
voxels = signal.reshape(-1, b.size, order="F")
adc = np.full(len(voxels), np.nan)
for i, s in enumerate(voxels):
    used = np.isfinite(s) & (s > 0)
    design = np.column_stack([np.ones(used.sum()), -b[used]])
    if used.sum() >= 2 and np.ptp(b[used]) > 0:
        adc[i] = np.linalg.lstsq(design, np.log(s[used]), rcond=None)[0][1]
adc.astype("<f8").tofile(Path(__file__).with_name("vol1_trace_bp_T70.f64"))
