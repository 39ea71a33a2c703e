"""Times `hepar fit` against MRtrix3's `dwi2adc`, file to file, in alternating runs.

A series of 192 x 192 x 40 voxels and four b-values (int16, Rician noise, an ellipse of tissue in air) is written as .nii
and .nii.gz; each program reads it and writes the ADC in the same format, to where there is nothing, and in the place of what
it wrote before. Printed are the medians and their ratio, and hepar's peak memory. Needs numpy, nibabel and MRtrix3's `dwi2adc` on the PATH.

    cargo build --release && python3 benches/against_mrtrix.py [RUNS]
"""
import os
import shutil
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


def run(command: list[str], remove: Path | None = None) -> float:
    """Wall seconds of one run; `remove` is removed before."""
    if remove and remove.is_dir():
        shutil.rmtree(remove)
    elif remove:
        remove.unlink(missing_ok=True)
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def peak_memory(command: list[str]) -> int:
    """Peak memory of one run in bytes, as the kernel counts it once the program itself runs (Linux)."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    while child.poll() is None:
        try:
            status = Path(f"/proc/{child.pid}/status").read_text()
            executed = os.readlink(f"/proc/{child.pid}/exe") == str(HEPAR)
        except OSError:
            continue
        if executed and "VmHWM" in status:
            peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
    return peak


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_series(folder)
        for suffix in ("nii", "nii.gz"):
            image = str(folder / f"dwi.{suffix}")
            ours_to, theirs_to = folder / "hepar", folder / f"mrtrix.{suffix}"
            ours = [str(HEPAR), "fit", image, "--device", "cpu", "--method", "iwlls", "--write", "ADC", "--pictures",
                    "none", "--format", suffix, "--force", "--quiet", "-o", str(ours_to)]
            theirs = ["dwi2adc", "-quiet", "-force", "-fslgrad", str(folder / "dwi.bvec"), str(folder / "dwi.bval"),
                      image, str(theirs_to)]
            for what in ("new", "replaced"):
                remove = (ours_to, theirs_to) if what == "new" else (None, None)
                run(ours), run(theirs)
                pairs = [(run(ours, remove[0]), run(theirs, remove[1])) for _ in range(runs)]
                hepar = statistics.median(ours for ours, _ in pairs)
                mrtrix = statistics.median(theirs for _, theirs in pairs)
                print(f".{suffix} -> {what} .{suffix}: hepar {hepar * 1e3:.1f} ms, dwi2adc {mrtrix * 1e3:.0f} ms, "
                      f"ratio 1/{mrtrix / hepar:.2f}")
            memory = max(peak_memory(ours) for _ in range(5))
            print(f".{suffix}: hepar's peak memory {memory / 1e6:.0f} MB")


main()
