"""The access log: one line for each request, without its codes and texts.

A line has the id of the request, which an incident in the error log has, too. The query is left out unless it is asked
for: it has codes, and texts that somebody typed. Bodies are never in a line.
"""

from __future__ import annotations

import time

import orjson

from terminology.core.cache import RecentValues, size_of_texts
from terminology.core.errors import SettingError
from terminology.core.texts import escaped
from terminology.http.line_file import LineFile
from terminology.http.targets import PROBE, RequestTarget, without_credentials
from terminology.settings import JSON_LOG, LOG_LEVELS, Settings

# The most characters of a query in a line.
_LONGEST_QUERY = 2_000
_LEVELS = {level: number for number, level in enumerate(LOG_LEVELS)}
_CLIENTS = 1_000


class AccessLog:
    """The log. For use by one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingError for a file that cannot be written."""
        try:
            self._file = LineFile(settings.access_log)
        except OSError as problem:
            reason = f"{settings.access_log} cannot be written: {problem.strerror}"
            raise SettingError(f"'access_log': {reason}") from None
        self._is_json = settings.log_format == JSON_LOG
        self.has_queries = settings.log_queries
        least = _LEVELS[settings.log_level]
        # Requests that went well are at level info, refused ones at warning, incidents at error.
        self._levels = {"4": "warning", "5": "error"} if least <= _LEVELS["warning"] else {"5": "error"}
        self._other_level = "info" if least <= _LEVELS["info"] else ""
        self._has_probes = least == 0
        self._clients: RecentValues[str] = RecentValues(_CLIENTS, size_of_texts)
        self._second = 0, ""

    def add(
        self,
        moment: float,
        seconds: float,
        target: RequestTarget,
        status: str,
        release: str,
        id_: str,
        address: str,
        user: str,
        query: str,
    ) -> None:
        """Add the line of a request that was answered at a moment (``time.time``) with a status of three digits."""
        level = self._levels.get(status[0], self._other_level)
        if not level or (target.interaction == PROBE and level == "info" and not self._has_probes):
            return
        client = self._clients.find(address)
        if client is None:
            client = _escaped(address)
            self._clients.put(address, client)
        more = self._field("user", user) if user else ""
        if query:
            more += self._field("query", without_credentials(query)[:_LONGEST_QUERY])
        if self._is_json:
            # A client may choose the id, of printable characters.
            if '"' in id_ or "\\" in id_:
                id_ = _escaped(id_)
            self._file.add(
                f'{{"time":"{self._time(moment)}","level":"{level}","status":{status},{target.json},'
                f'"release":"{release}","duration_ms":{seconds * 1000:.3f},"client":"{client}","id":"{id_}"{more}}}\n'
            )
        else:
            self._file.add(
                f"{self._time(moment)} {level} {status} {target.text} release={release} "
                f"duration_ms={seconds * 1000:.3f} client={client} id={id_}{more}\n"
            )

    def write(self) -> None:
        """Write the lines that wait."""
        self._file.write()

    def _field(self, name: str, value: str) -> str:
        text = escaped(value, " ")
        return f',"{name}":{orjson.dumps(text).decode()}' if self._is_json else f" {name}={text}"

    def _time(self, moment: float) -> str:
        """The time in UTC, to the millisecond. Many requests have the same second."""
        second, text = self._second
        if second != int(moment):
            second = int(moment)
            text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second, text
        return f"{text}.{int((moment - second) * 1000):03d}Z"


def _escaped(text: str) -> str:
    """A text as it stands between the quotes of JSON; also without spaces."""
    return orjson.dumps(escaped(text[:200], " ")).decode()[1:-1]
