"""The content that the settings name, opened for one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from terminology.cli.options import errors_in_one_line, settings_of
from terminology.core.errors import TerminologyError
from terminology.library import Terminology
from terminology.opening import ServedContent
from terminology.operations.spelling import system_named

# The settings that name the content.
CONTENT = ("bundled", "content", "store", "skip_broken", "upstreams")


def named(terminology: Terminology, system: str) -> str:
    """The url of the code system that a person names. A name that is not one is left as it is: the answer says so."""
    try:
        return system_named(terminology.visible_catalogue, system)
    except TerminologyError:
        return system


@contextmanager
def opened_terminology(config: Path | None, options: dict[str, Any]) -> Iterator[Terminology]:
    """The content that the settings name; problems end the command with one line.

    A command has no state to keep, so the data folder need not be writable.
    """
    with errors_in_one_line():
        settings = settings_of(config, options)
        with closing(ServedContent(settings)) as served:
            yield Terminology(settings=settings.updated(data=""), catalogue=served.catalogue)
