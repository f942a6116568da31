"""The addresses of pages, below one base. They are paths: a page stays at the name by which the browser knows it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from terminology.wire.fhir_versions import RELEASES

KIND_TITLES = {
    "CodeSystem": "Code systems",
    "ValueSet": "Value sets",
    "ConceptMap": "Concept maps",
    "NamingSystem": "Naming systems",
}
# The pages that are of no resource: the published content about conization, two versions, a sheet of codes.
CONIZATION, DIFF, SHEET = "conization", "diff", "sheet"
# The folder of style and script.
ASSETS = "pages"
# The notices of all code systems, and the state of the service, for its operator.
LICENCES, STATE = "licences", "state"
# The pages, by their paths, that answer browsers alone; every other one is a FHIR answer at the same address.
FOR_PEOPLE = ("", CONIZATION, DIFF, LICENCES, SHEET, STATE)


def query_of(**values: str | int | None) -> str:
    """A query of the values that there are; ``_`` at the end of a name is left out."""
    pairs = [
        (name.rstrip("_") or name, str(value)) for name, value in values.items() if value not in (None, "")
    ]
    return f"?{urlencode(pairs, safe=':/')}" if pairs else ""


@dataclass(slots=True, frozen=True)
class PageLinks:
    """The addresses below a base. ``root`` is the base of all releases, without a slash at its end."""

    base: str
    root: str

    @classmethod
    def of(cls, base: str, root: str) -> PageLinks:
        """The links of a base that is a URL."""
        return cls(urlsplit(base).path, urlsplit(root).path)

    def start(self, **values: str | int | None) -> str:
        return f"{self.base or '/'}{query_of(**values)}"

    def kind(self, kind: str, **values: str | int | None) -> str:
        """The list of a resource type, or what a search finds in it."""
        return f"{self.base}/{kind}{query_of(**values)}"

    def resource(self, kind: str, id_: object, **values: str | int | None) -> str:
        return f"{self.base}/{kind}/{quote(str(id_), safe='')}{query_of(**values)}"

    def canonical(self, kind: str, canonical: object) -> str:
        """The resource of a canonical, wherever it is."""
        url, _, version = str(canonical).partition("|")
        return self.kind(kind, url=url, version=version)

    def operation(self, kind: str, name: str, **values: str | int | None) -> str:
        return f"{self.base}/{kind}/${name}{query_of(**values)}"

    def concept(self, system: object, code: object, version: object = None) -> str:
        """The page of a concept."""
        return self.operation(
            "CodeSystem", "lookup", system=str(system), version=_text(version), code=str(code)
        )

    def translation(self, system: object, code: object, map_: object = None) -> str:
        """The translations of a code."""
        return self.operation(
            "ConceptMap", "translate", url=_text(map_), system=str(system), sourceCode=str(code)
        )

    def conization(self, **values: str | int | None) -> str:
        return f"{self.base}/{CONIZATION}{query_of(**values)}"

    def diff(self, kind: str = "", old: object = None, new: object = None) -> str:
        """The changes between two resources of a type, by their ids; without them the page to choose some."""
        ends = {} if old is None else {"old": f"{kind}/{old}", "new": f"{kind}/{new}"}
        return f"{self.base}/{DIFF}{query_of(**ends)}"

    def sheet(self) -> str:
        """The page that maps a sheet of codes."""
        return f"{self.base}/{SHEET}"

    def licences(self) -> str:
        """The notices of all code systems."""
        return f"{self.base}/{LICENCES}"

    def asset(self, name: str) -> str:
        return f"{self.root}/{ASSETS}/{name}"

    def in_release(self, name: str, target: str) -> str:
        """The same page below the root of another release."""
        return f"{self.root}/{name}{'/' if target else ''}{target}"

    @staticmethod
    def releases(with_ballot: bool) -> list[str]:
        return [name for name, release in RELEASES.items() if with_ballot or not release.is_ballot]


def _text(value: object) -> str | None:
    return None if value is None else str(value)
