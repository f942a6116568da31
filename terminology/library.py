"""The same answers without HTTP."""

from __future__ import annotations

from typing import Any

from terminology import issues
from terminology.assembly import Settings, open_catalogue
from terminology.catalogue import Catalogue
from terminology.model import Document, TerminologyError
from terminology.wire.operations import answer
from terminology.wire.parameters import Given, from_body, from_query
from terminology.wire.releases import RELEASES


class Terminology:
    """Terminology in this process.

    >>> terminology = Terminology()
    >>> answer = terminology.ask("CodeSystem/$lookup", system="http://www.ama-assn.org/go/cpt", code="57520")
    >>> next(p["valueString"] for p in answer["parameter"] if p["name"] == "display")
    'Cervical conization (cone biopsy) by cold knife or laser'
    """

    def __init__(self, settings: Settings | None = None, catalogue: Catalogue | None = None) -> None:
        self.catalogue = catalogue or open_catalogue(settings)

    def ask(
        self, operation: str, body: Document | None = None, release: str = "r5", **parameters: Any
    ) -> Document:
        """Ask ``Type/$operation`` or ``Type/id/$operation``; the answer is what HTTP would give.

        Parameters are given by FHIR's names, each a simple value or a list of them (``_`` stands for
        ``-``), or as a Parameters resource. Raises TerminologyError where HTTP would answer with an
        OperationOutcome.
        """
        if release not in RELEASES:
            raise TerminologyError(issues.bad_value("release", release, f"one of {', '.join(RELEASES)}"))
        catalogue = self.catalogue.for_fhir(RELEASES[release].version)
        kind, *between, name = operation.split("/")
        instance = catalogue.resource(kind, between[0]) if between else None
        given = [*_given(parameters), *(from_body(body, operation) if body is not None else ())]
        return answer(catalogue, RELEASES[release], kind, name.removeprefix("$"), given, instance)


def _given(parameters: dict[str, Any]) -> list[Given]:
    pairs = [(name.replace("_", "-"), value) for name, value in parameters.items()]
    return from_query((name, _text(v)) for name, value in pairs for v in _several(value))


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
