"""A code system seen through its supplements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from terminology.model import About, Concept, Detail, Document, Filter
from terminology.systems import CodeSystem, Selection
from terminology.systems.document import DocumentSystem


class Supplemented:
    """A CodeSystem whose concepts have the designations and properties of supplements, too.

    A supplement adds; it never brings new concepts and never changes what is there
    (https://hl7.org/fhir/R5/codesystem.html#supplements).
    """

    def __init__(self, system: CodeSystem, supplements: Sequence[Document]) -> None:
        self._system = system
        self._supplements = [(_canonical(document), DocumentSystem(document)) for document in supplements]

    @property
    def about(self) -> About:
        return self._system.about

    @property
    def supplements(self) -> list[str]:
        """The canonicals (url|version) of the supplements applied."""
        return [canonical for canonical, _ in self._supplements]

    def locate(self, code: str) -> Concept | None:
        return self._system.locate(code)

    def select(self, filters: Sequence[Filter] = (), text: str | None = None) -> Selection:
        return self._system.select(filters, text)

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        return self._system.subsumes(ancestor, descendant)

    def implied(self, canonical: str) -> Document | None:
        return self._system.implied(canonical)

    def describe(self, codes: Sequence[str]) -> Mapping[str, Detail]:
        found = self._system.describe(codes)
        for canonical, supplement in self._supplements:
            for code, extra in supplement.describe(list(found)).items():
                _add(found[code], extra, canonical)
        return found


def _add(detail: Detail, extra: Detail, canonical: str) -> None:
    for designation in extra.designations:
        designation.source = canonical
    for property_ in extra.properties:
        property_.source = canonical
    detail.designations += extra.designations
    detail.properties += [p for p in extra.properties if p.code not in ("parent", "child")]


def _canonical(document: Document) -> str:
    version = document.get("version")
    return f"{document.get('url')}|{version}" if version else str(document.get("url"))
