"""The error log: lines on the standard error with time and level, as text or JSON.

An incident, which is a fault of ours, is a line with the id of its request; the client is told the same id.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

import orjson

from terminology.core.texts import escaped
from terminology.settings import JSON_LOG, Settings


class _Lines(logging.Formatter):
    """One record as one line of JSON, or as a line of text with the traceback below it."""

    def __init__(self, is_json: bool) -> None:
        super().__init__()
        self._is_json = is_json

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        moment, level = f"{seconds}.{int(record.msecs):03d}Z", record.levelname.lower()
        # What a client has sent must not begin a line.
        message = escaped(record.getMessage())
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        if not self._is_json:
            return f"{moment} {level} {message}" + (f"\n{trace}" if trace else "")
        fields = {"time": moment, "level": level, "message": message} | (
            {"traceback": trace} if trace else {}
        )
        return orjson.dumps(fields).decode()


class _StandardError(logging.Handler):
    """Writes to the standard error as it is at the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        except Exception:
            self.handleError(record)


def log_errors(settings: Settings) -> None:
    """Write what this package logs, in this process and in those that it forks, in lines of our own."""
    handler = _StandardError()
    handler.setFormatter(_Lines(settings.log_format == JSON_LOG))
    logger = logging.getLogger("terminology")
    logger.setLevel(settings.log_level.upper())
    logger.handlers = [handler]


def of_granian(settings: Settings) -> dict[str, Any]:
    """What granian is told about the log of its own faults: the same lines."""
    handler = {"()": _StandardError, "formatter": "lines"}
    lines = {"()": _Lines, "is_json": settings.log_format == JSON_LOG}
    return {"formatters": {"lines": lines}, "handlers": {"console": handler, "access": handler}}
