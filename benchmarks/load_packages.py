"""The time and memory of a start with HL7's packages.

Each figure is the median of fresh processes::

    python benchmarks/load_packages.py [--rounds N] [PACKAGE.tgz ...]

Without packages those of ``expand_everything`` are taken. "Imported" is a start with no content at all.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from expand_everything import HERE, fetched

PROBE = """
import json, resource, sys, time
started = time.perf_counter()
from terminology import Settings, open_catalogue
imported = time.perf_counter()
content = sys.argv[1:]
catalogue = open_catalogue(Settings(environment={}, content=content, bundled=False, data=""))
loaded = time.perf_counter()
resources = sum(1 for kind in ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem")
                for _ in catalogue.headers(kind))
with open("/proc/self/statm") as memory:
    now = int(memory.read().split()[1]) * resource.getpagesize() / 2**20
print(json.dumps([resources, imported - started, loaded - imported, now]))
"""


def measured(content: list[Path], rounds: int) -> list[float]:
    """Resources, seconds to import, seconds to load, and MB resident afterwards."""
    command = [sys.executable, "-c", PROBE, *(str(path) for path in content)]
    runs = [
        json.loads(subprocess.run(command, cwd=HERE, capture_output=True, check=True, text=True).stdout)
        for _ in range(rounds)
    ]
    return [statistics.median(column) for column in zip(*runs, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packages", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    packages = [path.resolve() for path in arguments.packages or fetched()]
    print(f"{'':40} {'resources':>9} {'import s':>9} {'load s':>9} {'MB':>9}")
    sets = {"imported": [], **{path.name: [path] for path in packages}, "all of them": packages}
    for name, content in sets.items():
        resources, imported, loaded, memory = measured(content, arguments.rounds)
        print(f"{name:40} {resources:9.0f} {imported:9.2f} {loaded:9.2f} {memory:9.0f}")


if __name__ == "__main__":
    main()
