"""The time that the application takes for a request, without a server and a network.

Beside an empty Flask view, in one process, pass by pass.
"""

from __future__ import annotations

import cProfile
import pstats
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ceiling import empty_app
from served import Asked
from stage import Questions, Stage
from werkzeug.test import EnvironBuilder

from terminology import Settings, create_app
from terminology.opening import ServedContent

PASSES = 7
TIMES = 2_000
# Of an operation that is slow a pass has fewer requests: as many as it answers in about so many seconds.
LONGEST = 1.0
# The statuses of right answers: that for a code which is not there, too.
RIGHT = {"200 OK", "404 NOT FOUND"}

Ask = Callable[[dict[str, Any]], object]


def application(stage: Stage, **also: str) -> Any:
    settings = Settings(environment={}, store=stage.store, content=stage.content, data="", **also)
    return create_app(settings, catalogue=ServedContent(settings).catalogue)


def environments(requests: Sequence[Asked]) -> list[dict[str, Any]]:
    return [
        EnvironBuilder(
            path=one.path.partition("?")[0],
            query_string=one.path.partition("?")[2],
            method=one.method,
            headers={"Accept": one.media},
            data=one.body or None,
            content_type=one.media if one.body else None,
        ).get_environ()
        for one in requests
    ]


def one_pass(app: Any, environs: Sequence[dict[str, Any]]) -> float:
    """Microseconds of the processor for each request: waiting for a turn on a busy machine does not count."""
    statuses: list[str] = []

    def start(status: str, headers: Any, exc_info: Any = None) -> Any:
        statuses.append(status)
        return statuses.append

    copies = [environ.copy() for environ in environs]
    began = time.thread_time()
    for environ in copies:
        answer = app(environ, start)
        b"".join(answer)
        close = getattr(answer, "close", None)
        if close is not None:
            close()
    spent = time.thread_time() - began
    if set(statuses) - RIGHT:
        raise RuntimeError(f"answers of {set(statuses)}")
    return spent / len(environs) * 1e6


def ratios(stage: Stage, names: Sequence[str], passes: int = PASSES) -> dict[str, tuple[float, float]]:
    """By operation: the time relative to an empty view's, and microseconds. Best of some passes each."""
    app, empty = application(stage), empty_app({"empty": 1_000})
    questions = Questions(stage)
    plain = environments([Asked("/empty")] * TIMES)
    one_pass(empty, plain)
    results = {}
    for name in names:
        one_pass(app, environments(questions.requests(name, 3, -2)))  # opens what it reads from
        first = one_pass(app, environments(questions.requests(name, 3, -1)))
        times = max(3, min(TIMES, int(LONGEST / first * 1e6)))
        best, least = float("inf"), float("inf")
        for turn in range(passes):
            least = min(least, one_pass(empty, plain))
            best = min(best, one_pass(app, environments(questions.requests(name, times, turn))))
        results[name] = (best / least, best)
    return results


def independence(large: Stage, small: Stage, name: str = "lookup", passes: int = PASSES) -> float:
    """The time of an operation with much content, relative to little."""
    best = []
    apps = [(application(one), Questions(one), []) for one in (large, small)]
    for turn in range(passes):
        for app, questions, results in apps:
            results.append(one_pass(app, environments(questions.requests(name, TIMES, turn))))
    best = [min(results) for _, _, results in apps]
    return best[0] / best[1]


# -- where it goes -------------------------------------------------------------------------------

# Layers by a part of the file's path, or of the name of a function in C; the first that fits.
LAYERS = (
    ("sqlite3", "SQLite"),
    ("zstandard", "zstandard"),
    ("orjson", "orjson"),
    ("pyroaring", "bitmaps"),
    ("re2", "re2"),
    ("flask", "Flask"),
    ("werkzeug", "Werkzeug"),
    ("terminology/store", "store"),
    ("terminology/systems", "systems"),
    ("terminology/operations", "operations"),
    ("terminology/wire", "wire"),
    ("terminology/", "web, catalogue and the rest of the product"),
)
OTHER = "Python's library"

Function = tuple[str, int, str]


def layers(stage: Stage, name: str) -> dict[str, float]:
    """The share of each layer in the time of an operation. A profiler makes calls dearer than they are."""
    app, questions = application(stage), Questions(stage)
    one_pass(app, environments(questions.requests(name, 20, -1)))
    environs = environments(questions.requests(name, 200, 1))
    profile = cProfile.Profile(time.thread_time_ns, 1e-9)
    profile.enable()
    one_pass(app, environs)
    profile.disable()
    results: Counter[str] = Counter()
    for function, (_, _, own, _, callers) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        for layer, spent in _shares(function, own, callers):
            results[layer] += spent
    total = sum(results.values())
    return {layer: spent / total for layer, spent in results.most_common()}


def _shares(function: Function, own: float, callers: Any) -> Iterator[tuple[str, float]]:
    """A function in C that belongs to no layer is part of those who call it."""
    layer = _layer(function)
    if layer != OTHER or function[0] != "~":
        yield layer, own
        return
    for caller, (_, _, spent, _) in callers.items():
        yield _layer(caller), spent


def _layer(function: Function) -> str:
    place = function[2] if function[0] == "~" else function[0]
    return next((layer for part, layer in LAYERS if part in place), OTHER)
