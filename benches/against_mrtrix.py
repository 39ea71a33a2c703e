"""Times `hepar fit` against MRtrix3's `dwi2adc`, file to file, in alternating runs.

A series of 192 x 192 x 40 voxels and four b-values (int16, Rician noise, an ellipse of tissue in air) is written as .nii
and .nii.gz; each program reads it and writes the ADC in the same format. Printed are the medians and their ratio, and
hepar's peak memory. Needs numpy, nibabel and MRtrix3's `dwi2adc` on the PATH.

    cargo build --release && python3 benches/against_mrtrix.py [RUNS]
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel
import numpy as np

HEPAR = Path(__file__).resolve().parent.parent / "target/release/hepar"
B_VALUES = [50, 200, 500, 750]
SHAPE = (192, 192, 40)


def make_series(folder: Path) -> None:
    rng = np.random.default_rng(0)
    x, y, _ = np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij")
    body = (x / 0.85) ** 2 + (y / 0.65) ** 2 < 1
    adc = rng.uniform(0.5e-3, 2.5e-3, SHAPE)
    volumes = []
    for b in B_VALUES:
        signal = np.where(body, 1000 * np.exp(-b * adc), 0)
        volumes.append(np.hypot(signal + rng.normal(0, 20, SHAPE), rng.normal(0, 20, SHAPE)))
    image = nibabel.Nifti1Image(np.stack(volumes, -1).round().astype(np.int16), np.diag([-2.0, 2, 5, 1]))
    for suffix in ("nii", "nii.gz"):
        nibabel.save(image, folder / f"dwi.{suffix}")
    (folder / "dwi.bval").write_text(" ".join(map(str, B_VALUES)) + "\n")
    (folder / "dwi.bvec").write_text("1 1 1 1\n0 0 0 0\n0 0 0 0\n")


def run(command: list[str]) -> tuple[float, int]:
    """Wall seconds and peak memory in bytes of one run."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_maxrss * 1024


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_series(folder)
        for suffix in ("nii", "nii.gz"):
            image = str(folder / f"dwi.{suffix}")
            ours = [str(HEPAR), "fit", image, "--device", "cpu", "--method", "iwlls", "--write", "ADC", "--pictures",
                    "none", "--format", suffix, "--force", "--quiet", "-o", str(folder / "hepar")]
            theirs = ["dwi2adc", "-quiet", "-force", "-fslgrad", str(folder / "dwi.bvec"), str(folder / "dwi.bval"),
                      image, str(folder / f"mrtrix.{suffix}")]
            run(ours), run(theirs)
            pairs = [(run(ours), run(theirs)) for _ in range(runs)]
            hepar = statistics.median(pair[0][0] for pair in pairs)
            mrtrix = statistics.median(pair[1][0] for pair in pairs)
            memory = max(pair[0][1] for pair in pairs)
            print(f".{suffix} -> .{suffix}: hepar {hepar * 1e3:.0f} ms, dwi2adc {mrtrix * 1e3:.0f} ms, "
                  f"ratio 1/{mrtrix / hepar:.1f}; hepar's peak memory {memory / 1e6:.0f} MB")


main()
