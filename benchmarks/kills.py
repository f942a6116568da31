"""``kill -9`` at random moments of writes, imports and reloads: what was committed is served after a restart.

    python benchmarks/kills.py [--points 50] [--seed 1] [--store postgresql://…]

Prints a line for each kind, and ends with the exit status 1 at the first point where content is lost, mixed or half
there. With ``--store`` the writes and imports go to that database, which must be empty.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support.kills import KILLS, kill_reload  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", default="")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    kinds = [*KILLS, "reload"]
    share = {kind: len(range(place, options.points, len(kinds))) for place, kind in enumerate(kinds)}
    with tempfile.TemporaryDirectory() as folder:
        for kind, points in share.items():
            began, number = time.monotonic(), 0
            for point in range(points):
                try:
                    if kind == "reload":
                        (Path(folder) / "reload").mkdir(exist_ok=True)
                        kill_reload(Path(folder) / "reload", chance, number := number + 5)
                    else:
                        place = options.store or str(Path(folder) / kind)
                        number = KILLS[kind](place, chance, number + 1)
                except AssertionError as fault:
                    sys.exit(f"{kind}, point {point + 1} (seed {options.seed}): {fault}")
            seconds = time.monotonic() - began
            print(
                f"{kind:7} killed {points:3} times: nothing lost, mixed or half there ({seconds:.0f} s)",
                flush=True,
            )


if __name__ == "__main__":
    main()
