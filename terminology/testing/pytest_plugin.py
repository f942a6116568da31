"""The plugin of pytest: ``terminology_app``, ``terminology_server`` and the marker ``terminology``.

It is loaded in each run of pytest where this package is installed, so all else is imported when a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from terminology.library.values import ResourceLike
    from terminology.testing.harnessed import TerminologyApp, TerminologyServer

_MARKER = (
    "terminology(*content, **settings): what terminology_app and terminology_server serve: resources as dictionaries "
    "or models of fhir.resources, files, folders and packages; and settings by name, such as bundled=False."
)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def terminology_content() -> Sequence[ResourceLike]:
    """Content beside that of markers: a test module that has some overrides this fixture."""
    return ()


@pytest.fixture
def terminology_app(
    request: pytest.FixtureRequest, terminology_content: Sequence[ResourceLike], tmp_path: Path
) -> Iterator[TerminologyApp]:
    """A terminology server in this process, as a WSGI application, with the content that the test names."""
    from terminology.library.content import items_of
    from terminology.testing.harnessed import open_app

    content, settings = [*items_of(terminology_content)], dict[str, Any]()
    for marker in request.node.iter_markers("terminology"):  # the nearest first
        content += marker.args
        settings = marker.kwargs | settings
    with open_app(content, tmp_path / "terminology-traffic.jsonl", **settings) as app:
        yield app


@pytest.fixture
def terminology_server(terminology_app: TerminologyApp) -> Iterator[TerminologyServer]:
    """The same application behind a free port of this machine, over HTTP."""
    from terminology.testing.harnessed import serving_app

    with serving_app(terminology_app) as server:
        yield server
