"""The test-harness mode: fixed time and identifiers, faults on demand, and a recorder of requests with their answers.

Nothing here is in the way of a request unless the setting ``harness`` is on, or an application is made with a
``Harness`` (docs/test-harness.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from terminology.core import dates
from terminology.core.errors import SettingError
from terminology.core.new_ids import derived_from
from terminology.http.faults import FaultPlan, Faults
from terminology.http.recording import Recorder, Recording, received
from terminology.settings import DEFAULT, Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# The header of every answer in this mode.
HEADER = "X-Terminology-Harness"


@dataclass(slots=True)
class Harness:
    """What a test harness does with one application.

    ``moment`` has a time zone: the time stands still then (None: it goes on). ``faults`` has those that are planned.
    ``recording`` takes the exchanges, if there is one.
    """

    moment: datetime | None = None
    recording: Recording | None = None
    faults: FaultPlan = field(default_factory=FaultPlan)

    @classmethod
    def of(cls, settings: Settings) -> Harness | None:
        """The harness that the settings ask for; None without the mode. Raises SettingError."""
        require_harness(settings)
        if not settings.harness:
            return None
        path = settings.harness_recording
        recording = None if path is None else Recording(path, settings.harness_recording_size)
        return cls(settings.fixed_moment, recording)

    @property
    def notice(self) -> str:
        """What clients and operators are told."""
        clock = "real time" if self.moment is None else f"time fixed at {dates.instant_of(self.moment)}"
        return f"test harness, not for real use: {clock}, fixed identifiers, faults on demand"

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers that say so with every answer."""
        return [(HEADER, self.notice)]

    def inside(self, application: WSGIApplication) -> WSGIApplication:
        """The layer between ``CommonHeaders`` and what answers."""
        return Faults(application, self.faults)

    def around(self, application: WSGIApplication, settings: Settings) -> WSGIApplication:
        """The layers around ``CommonHeaders``. Answers are not compressed, so that they can be recorded and cut."""
        fixed = FixedValues(application, self.moment, settings.largest_body)
        if self.recording is None:
            return fixed
        return Recorder(fixed, self.recording, settings.largest_body, settings.base_url)


def require_harness(settings: Settings) -> None:
    """Raises SettingError for settings of the mode without it, and for several workers: each would count for itself."""
    others = ("harness_clock", "harness_recording", "harness_recording_size")
    for name in others:
        if not settings.harness and settings.source(name) != DEFAULT:
            raise SettingError(f"'{name}' has no effect without 'harness', the test-harness mode")
    if settings.harness and settings.workers > 1:
        raise SettingError(
            "'harness' needs one worker ('workers' is 1): the calls of a fault are counted in one process"
        )


class FixedValues:
    """The layer that fixes the time, and derives the identifiers of an answer from the request."""

    def __init__(self, application: WSGIApplication, moment: datetime | None, largest_body: int) -> None:
        self._application, self._moment, self._largest_body = application, moment, largest_body

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        parts = environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        request = (
            "\n".join(parts).encode("latin-1", "replace") + b"\n" + received(environ, self._largest_body)
        )
        with dates.fixed(self._moment), derived_from(request):
            return self._application(environ, start_response)
