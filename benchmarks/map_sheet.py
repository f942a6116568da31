"""How long a sheet of codes takes to map, and how much memory: ``python benchmarks/map_sheet.py [--rows 100000]``.

Makes up a sheet with a seed, and half of it, and maps both with ``terminology map`` to two code systems, each in a
process of its own. The peak memory of the whole may be at most ``GROWTH`` times that of the half: the exit status is 1
if it is more. Times and memory are of this machine.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEED = 7
# Answers that were used last are kept, up to a number; beyond that the memory is the same for any sheet.
GROWTH = 1.15
TARGETS = ("icd10pcs", "snomed")
CODES = ("57520", "57522", "57461", "57460", "57455", "57456", "57454", "57452", "57505", "57500")


def write_sheet(path: Path, rows: int) -> None:
    """A sheet of CPT codes: right ones, some with modifiers, some mistyped, and some that are none."""
    chance = random.Random(SEED)
    with path.open("w", encoding="utf-8") as file:
        file.write("Local code,Name,CPT,Count\n")
        for number in range(rows):
            code, kind = chance.choice(CODES), chance.random()
            if kind > 0.95:
                code = code.replace("0", "O")
            elif kind > 0.8:
                code = f"{chance.randrange(100_000):05}"
            elif kind > 0.6:
                code = f"{code}-{chance.choice(('51', '59', 'LT', 'RT'))}"
            file.write(f"L{number:06},Cone number {number},{code},{chance.randrange(999)}\n")


def measure(folder: Path, rows: int) -> tuple[float, int]:
    """The seconds that a sheet takes, and the largest memory of any process so far, in kilobytes."""
    sheet = folder / f"{rows}.csv"
    write_sheet(sheet, rows)
    command = [sys.executable, "-m", "terminology", "map", str(sheet), "-o", str(folder / "mapped.csv")]
    for target in TARGETS:
        command += ["--to", target]
    began = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, "TERMINOLOGY_DATA": ""}, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def main() -> None:
    """Measure, and print a line for each sheet."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for count in (rows // 2, rows):
            seconds, peak = measure(Path(folder), count)
            peaks.append(peak)
            print(
                f"{count:,} rows to {len(TARGETS)} code systems: {seconds:.1f} s, {peak / 1024:.0f} MB",
                flush=True,
            )
    if peaks[1] > GROWTH * peaks[0]:
        sys.exit(f"the memory grows with the sheet: {peaks[1] / peaks[0]:.2f} times that of the half")


if __name__ == "__main__":
    main()
