"""The cases of a suite run against a server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from urllib.parse import quote

from terminology.core.errors import UnreadableFileError
from terminology.core.model import Document
from terminology.testing.conformance.comparing import AnswerComparison
from terminology.testing.conformance.normal_form import (
    normalise_capabilities,
    normalise_outcome,
    normalise_parameters,
    normalise_value_set,
)
from terminology.testing.conformance.server import (
    OPERATIONS,
    OUTCOME,
    ServerUnderTest,
)
from terminology.testing.conformance.suite import ConformanceCase, ConformanceSuite

PASS, FAIL, SKIP = "pass", "fail", "skip"
GENERAL = frozenset({"general"})
_PATTERNS = {"metadata": "metadata", "term-caps": "metadata?mode=terminology"}
# The version that a suite is told for a server of each kind.
_R4, _R5 = "4.0.1", "5.0.0"


@dataclass(slots=True)
class CaseResult:
    """What became of a case: pass, fail or skip, the reason, and the seconds that it took."""

    case: ConformanceCase
    status: str
    message: str = ""
    seconds: float = 0.0


@dataclass
class ConformanceRun:
    """A run of a suite against a server. ``modes`` are those of the cases that are run."""

    suite: ConformanceSuite
    server: ServerUnderTest
    modes: frozenset[str] = GENERAL
    _caches: dict[str, str | None] = field(default_factory=dict)

    def results(
        self, is_chosen: Callable[[ConformanceCase], bool] = lambda case: True
    ) -> Iterator[CaseResult]:
        """Run the cases, one after the other. Raises UnreadableFileError for a suite that cannot be read."""
        try:
            for case in self.suite.cases:
                if case.is_in(self.modes) and is_chosen(case):
                    yield self.result(case)
        finally:
            for cache in filter(None, self._caches.values()):
                self.server.end_cache(cache)
            self._caches.clear()

    def result(self, case: ConformanceCase) -> CaseResult:
        """Run a case."""
        reason = case.reason_to_skip(self.server.version)
        if reason is not None:
            return CaseResult(case, SKIP, reason)
        began = time.perf_counter()
        try:
            message = self._difference(case) or ""
        except (UnreadableFileError, KeyError) as problem:
            message = f"the case cannot be run: {problem}"
        except (ConnectionError, ValueError) as problem:
            message = str(problem) or "no answer"
        return CaseResult(case, FAIL if message else PASS, message, time.perf_counter() - began)

    def _difference(self, case: ConformanceCase) -> str | None:
        response = case.part("response", self.modes)
        if response is None:
            raise UnreadableFileError("it names no response")
        expected, version = self.suite.resource(response), _R4 if self.server.is_r4 else _R5
        comparison = AnswerComparison(
            self.modes,
            version,
            is_pattern=case.operation in _PATTERNS,
            is_strict=self.suite.folder is None,
        )
        if comparison.is_pattern:
            status, answer = 200, deepcopy(self.server.described(_PATTERNS[case.operation]))
            normalise_capabilities(answer)
        else:
            status, answer = self._answer(case)
        if f"{status // 100}xx" != case.status and str(status) != case.status:
            return f"the HTTP status is {status}, not {case.status}"
        return comparison.difference(expected, answer)

    def _answer(self, case: ConformanceCase) -> tuple[int, Document]:
        operation = OPERATIONS.get(case.operation)
        if operation is None:
            raise UnreadableFileError(f"there is no operation {case.operation}")
        parameters = self.parameters(case)
        headers = self._headers(case)
        setup = [self.suite.resource(name) for name in case.setup]
        cache = self._cache(case, setup)
        if cache is not None:
            headers["X-Cache-Id"] = cache
        else:
            parameters += [{"name": "tx-resource", "resource": resource} for resource in setup]
        parameters += self.suite.profile(case)
        status, answer = self.server.ask(operation, parameters, headers)
        if answer["resourceType"] == OUTCOME:
            if case.operation == "cs-validate-code":
                answer.pop("text", None)
            else:
                normalise_outcome(answer)
        elif answer["resourceType"] == "ValueSet":
            normalise_value_set(answer)
        else:
            normalise_parameters(answer)
        return status, answer

    def parameters(self, case: ConformanceCase) -> list[Document]:
        """The parameters of the request itself. Raises UnreadableFileError."""
        request = case.part("request", self.modes)
        if request is None:
            raise UnreadableFileError("it names no request")
        return self.suite.request(request)

    def _headers(self, case: ConformanceCase) -> dict[str, str]:
        headers = {"X-Request-Id": f"conformance:{quote(case.name)}"}
        with suppress(KeyError):
            headers["Accept-Language"] = str(case.definition["Accept-Language"])
        own = case.definition.get("header")
        if isinstance(own, dict) and own.get("mode", next(iter(self.modes), "")) in [*self.modes]:
            headers[str(own["name"])] = str(own["value"])
        return headers

    def _cache(self, case: ConformanceCase, setup: list[Document]) -> str | None:
        """The id of the cache with the resources of a group of cases, if the server has such."""
        if not setup or not self.server.has_caches:
            return None
        if case.group not in self._caches:
            self._caches[case.group] = self.server.start_cache(setup)
        return self._caches[case.group]


def counts(results: Iterable[CaseResult]) -> dict[str, int]:
    """How many cases have each status."""
    total = {PASS: 0, FAIL: 0, SKIP: 0}
    for result in results:
        total[result.status] += 1
    return total
