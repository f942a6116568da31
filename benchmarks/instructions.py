"""The instructions of the processor for a request, counted by valgrind: they are the same on a busy machine.

    python benchmarks/instructions.py                        # every operation: about ten minutes
    python benchmarks/instructions.py --only lookup,batch
    python benchmarks/instructions.py --beside ../before     # relative to another checkout
    python benchmarks/instructions.py --with access_log=/dev/null --with metrics_port=1

Needs valgrind (Debian: apt-get install valgrind). Each operation is counted with few requests and with more, in a
process of its own, so that what happens once does not count. Calls of the system, and waiting, are not instructions:
times are measured by ``speed.py``.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONCEPTS = 30_000
# Requests of each count, by operation.
FEW, MORE = {"batch": 8, "expand-100": 20}, {"batch": 24, "expand-100": 60}
VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")


def answer(tree: Path, folder: Path, name: str, requests: int, settings: list[str]) -> None:
    """Answer so many requests with the code of a checkout, in this process; ``settings`` are ``NAME=VALUE``."""
    os.chdir(tree)
    sys.path[:0] = [str(tree / "benchmarks"), str(tree)]
    import inprocess
    from stage import Questions, stage

    made = stage(folder / tree.name, CONCEPTS)
    also = dict(setting.split("=", 1) for setting in settings)
    application, questions = inprocess.application(made, **also), Questions(made)
    gc.disable()
    inprocess.one_pass(application, inprocess.environments(questions.requests(name, 20, -1)))
    # The same requests, of which fewer are answered.
    environments = inprocess.environments(questions.requests(name, MORE.get(name, 400), 1))
    inprocess.one_pass(application, environments[:requests])
    os._exit(0)  # what comes at the end of a process does not count


def instructions(tree: Path, folder: Path, name: str, settings: list[str]) -> float:
    """Those of one request."""
    few, more = FEW.get(name, 100), MORE.get(name, 400)
    counts = [_counted(tree, folder, name, requests, settings) for requests in (few, more)]
    return (counts[1] - counts[0]) / (more - few)


def _counted(tree: Path, folder: Path, name: str, requests: int, settings: list[str]) -> int:
    own = [sys.executable, __file__, "--answer", str(tree), "--keep", str(folder), "--only", name]
    own += [word for setting in settings for word in ("--with", setting)]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(tree)}
    command = [*VALGRIND, *own, "--requests", str(requests)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    count = re.search(r"I *refs: *([\d,]+)", run.stderr)
    if run.returncode or count is None:
        raise SystemExit(run.stderr)
    return int(count[1].replace(",", ""))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="operations, by comma")
    parser.add_argument("--beside", type=Path, help="another checkout")
    parser.add_argument("--keep", type=Path, default=HERE.parent / "build" / "instructions")
    parser.add_argument("--with", action="append", default=[], dest="settings", help="a setting: NAME=VALUE")
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--requests", type=int, default=0, help=argparse.SUPPRESS)
    choices = parser.parse_args()
    if choices.answer:
        answer(choices.answer, choices.keep, choices.only, choices.requests, choices.settings)
    # Not before: the process that answers takes such modules of its own checkout.
    from measures import TO_CEILING

    names = choices.only.split(",") if choices.only else list(TO_CEILING)
    if unknown := set(names) - set(TO_CEILING):
        raise SystemExit(f"there is no operation {', '.join(sorted(unknown))}")
    if shutil.which(VALGRIND[0]) is None:
        raise SystemExit("valgrind is not installed (Debian: apt-get install valgrind)")
    trees = [HERE.parent, *([choices.beside.resolve()] if choices.beside else ())]
    for tree in trees:
        # Made once, and compiled once, by a run that nobody counts.
        own = [sys.executable, __file__, "--answer", str(tree), "--keep", str(choices.keep.resolve())]
        environment = {**os.environ, "PYTHONPATH": str(tree)}
        subprocess.run([*own, "--only", "lookup", "--requests", "1"], env=environment, check=True)
    print("| operation | instructions a request |" + (" beside | ratio |" if len(trees) > 1 else ""))
    print("| --- | --- |" + (" --- | --- |" if len(trees) > 1 else ""))
    for name in names:
        ours, *others = [instructions(tree, choices.keep.resolve(), name, choices.settings) for tree in trees]
        beside = "".join(f" {other:,.0f} | {ours / other:.3f} |" for other in others)
        print(f"| {name} | {ours:,.0f} |{beside}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
