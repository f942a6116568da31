"""An application or a server in the test-harness mode, with the content of one test and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terminology.core import dates, issues
from terminology.core.errors import SettingError
from terminology.http.app import create_app
from terminology.http.faults import LONGEST_DELAY, Fault
from terminology.http.harness import Harness
from terminology.http.recording import RecordedExchange, read_recording
from terminology.http.thread_server import serving
from terminology.library.content import documents_of, items_of
from terminology.library.terminology import Terminology
from terminology.library.values import ResourceLike, require_type
from terminology.opening import ServedContent, catalogue_of, configured_content
from terminology.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from flask import Flask
    from flask.testing import FlaskClient

# Settings that are the same for each test.
_FIXED = frozenset({"environment", "harness"})


@dataclass(slots=True)
class TerminologyApp:
    """An application in this process: a WSGI application, which ``test_client()`` can ask.

    ``flask`` is the application of Flask, ``terminology`` the library over the same content, and ``recording`` the
    file of the requests with their answers.
    """

    flask: Flask
    terminology: Terminology
    harness: Harness
    recording: Path

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self.flask(environ, start_response)

    def test_client(self) -> FlaskClient:
        """A client of Flask, which needs no network."""
        return self.flask.test_client()

    def plan_fault(self, fault: str, path: str = "") -> None:
        """Plan a fault, in the words of the header ``X-Terminology-Fault``: ``status=503; calls=2``.

        Requests whose path contains ``path`` (``CodeSystem/$lookup``) have it; their calls are counted from now on.
        Raises TypeError, and ValueError for a fault that cannot be read.
        """
        require_type("fault", fault, str)
        require_type("path", path, str)
        try:
            planned = Fault.read(fault)
        except ValueError as problem:
            raise ValueError(issues.bad_fault(str(problem), LONGEST_DELAY).text) from None
        self.harness.faults.add(planned, path)

    @property
    def exchanges(self) -> list[RecordedExchange]:
        """The requests so far with their answers, in the order in which they were answered."""
        return list(read_recording(self.recording))


@dataclass(slots=True)
class TerminologyServer(TerminologyApp):
    """The same behind a port of this machine. ``url`` is that of ``/fhir``, below which the releases are."""

    url: str


@contextmanager
def open_app(
    content: Iterable[ResourceLike] | ResourceLike, recording: Path, **settings: Any
) -> Iterator[TerminologyApp]:
    """An application in the test-harness mode until the block ends.

    ``content`` is that of ``Terminology``, and ``settings`` are settings by name, those of the mode among them. The
    user's configuration, environment variables and folders have no effect. Requests are recorded in ``recording``.
    Raises SettingError, TypeError, and UnreadableFileError for content that cannot be read.
    """
    if fixed := sorted(_FIXED & settings.keys()):
        raise SettingError(f"{fixed[0]!r} cannot be set: it is always the same for a test")
    defaults: dict[str, Any] = {"data": "", "harness_recording": recording}
    chosen = Settings(environment={}, harness=True, **defaults | settings)
    harness = Harness.of(chosen)
    assert harness is not None and chosen.harness_recording is not None
    items = items_of(content)
    with dates.fixed(chosen.fixed_moment):
        documents = chain(configured_content(chosen), documents_of(items, chosen))
        served = ServedContent(chosen, catalogue_of(documents, chosen.bundled))
    try:
        terminology = Terminology(settings=chosen, catalogue=served.catalogue)
        try:
            flask = create_app(chosen, catalogue=served, harness=harness)
            yield TerminologyApp(flask, terminology, harness, chosen.harness_recording)
        finally:
            terminology.close()
    finally:
        served.close()


@contextmanager
def serving_app(app: TerminologyApp) -> Iterator[TerminologyServer]:
    """The application behind a free port of this machine, until the block ends."""
    with serving(app) as url:
        yield TerminologyServer(app.flask, app.terminology, app.harness, app.recording, url)
