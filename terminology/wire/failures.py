"""The one place where an exception becomes a response: its status, its headers and its OperationOutcome.

The status of each issue code is in ``wire/outcome.py``.
"""

from __future__ import annotations

import logging

from terminology.core import issues
from terminology.core.errors import (
    OverBudgetError,
    RefusedError,
    TerminologyError,
    UnavailableError,
    UnreadableArtifactError,
)
from terminology.core.model import Issue
from terminology.wire import outcome
from terminology.wire.exchange import Request, Response

# Seconds after which it is worth asking again: a database is away, a file is damaged, or the memory is full.
RETRY_AFTER = 5

log = logging.getLogger("terminology")


def failure(error: Exception, request_id: str, place: str) -> Response:
    """The response for any exception.

    An exception that nobody foresaw is logged with its traceback under the id of the request, and the client
    is told the id alone. ``place`` is the method and path that the log names.
    """
    if isinstance(error, RefusedError):
        return Response(error.status, outcome.operation_outcome(error.issues), error.headers)
    if isinstance(error, TerminologyError):
        return Response(outcome.status(error.issues), outcome.operation_outcome(error.issues))
    if isinstance(error, OverBudgetError):
        return Response(outcome.status([error.issue]), outcome.operation_outcome([error.issue]))
    if isinstance(error, UnavailableError):
        # The code that raised it has logged the reason, once.
        if isinstance(error, UnreadableArtifactError):
            return _later(issues.artifact_unreadable(error.resource, error.reason))
        return _later(issues.store_unreachable())
    if isinstance(error, MemoryError):
        error.__traceback__ = None  # it holds what the operation had made
        log.error("incident %s at %s: the memory is full", request_id, place)
        return _later(issues.memory_full())
    log.error("incident %s at %s", request_id, place, exc_info=error)
    return Response(500, outcome.operation_outcome([issues.unexpected(request_id)]))


def _later(issue: Issue) -> Response:
    """The response to a request that is worth repeating."""
    headers = {"Retry-After": str(RETRY_AFTER)}
    return Response(outcome.status([issue]), outcome.operation_outcome([issue]), headers)


def failure_of(error: Exception, request: Request) -> Response:
    """The response for an exception that a request met."""
    return failure(error, request.id, f"{request.method} {request.path}")
