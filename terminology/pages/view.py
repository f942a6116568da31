"""What every view of a page has, and the facts that every resource states about itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from terminology.core.model import Document, Typed
from terminology.pages import texts
from terminology.pages.road import PageReply, Road
from terminology.wire.fhir_versions import RELEASES
from terminology.wire.operation_table import operations_of

# The elements of a resource without its lists of codes.
HEADER = (
    "url,identifier,version,name,title,status,experimental,date,publisher,contact,description,jurisdiction,purpose,"
    "copyright,copyrightLabel,caseSensitive,valueSet,hierarchyMeaning,compositional,versionNeeded,content,supplements,"
    "count,property,language,topic,extension"
)
_FACTS = (
    ("version", "Version"),
    ("date", "Date"),
    ("publisher", "Publisher"),
    ("kind", "Kind"),
    ("responsible", "Responsible"),
    ("count", "Codes"),
    ("hierarchyMeaning", "Hierarchy"),
    ("caseSensitive", "Case matters"),
    ("compositional", "Has expressions"),
    ("versionNeeded", "Version needed"),
    ("language", "Language"),
    ("supplements", "Supplement to"),
    ("valueSet", "Value set of all codes"),
    ("immutable", "Never changes"),
    ("purpose", "Purpose"),
)
# The headers of an error that a browser, or a proxy before it, reads.
_PASSED_ON = ("Retry-After", "WWW-Authenticate")
_PILLS = ("status", "content")


@dataclass(slots=True)
class View:
    """A template with its values, and the status and the headers of the answer; or a ``file`` to download."""

    template: str
    title: str
    values: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    location: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    file: bytes | None = None
    media: str = ""
    file_name: str = ""


def failed(
    reply: PageReply,
    title: str = "That did not work",
    template: str = "outcome.html",
    values: dict[str, Any] | None = None,
) -> View:
    """The page of an answer that is an error: one of its own, or that of the form that asked."""
    headers = {name: reply.headers[name] for name in _PASSED_ON if name in reply.headers}
    all_values = {**(values or {}), "issues": issues_of(reply.resource)}
    return View(template, title, all_values, reply.status, headers=headers)


def fields_of(path: str, query: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The values for the form of an operation: of each parameter under all its names, as releases differ in them.

    A Coding (``system|code``) is also in the fields of its system and code.
    """
    sent = {name: value for name, value in query if value}
    operation = operations_of(path.partition("/")[0], RELEASES["r5"]).get(path.rpartition("$")[2])
    rows = {row.field: row for row in operation.parameters} if operation is not None else {}
    values = dict(sent)
    for row in rows.values():
        value = next((sent[name] for name in row.names if name in sent), None)
        if value is None:
            continue
        parts = {row.field: value}
        if row.type == "Coding":
            url, _, code = value.rpartition("|")
            system = row.field.replace("coding", "system")
            system = next(name for name in (system, "system", "url") if name in rows)
            parts |= {system: url, row.field.replace("coding", "code"): code}
        for field_, text in parts.items():
            for name in rows[field_].names:
                values.setdefault(name, text)
    return values


def issues_of(outcome: Document) -> list[Document]:
    """The issues of an OperationOutcome: severity, code and text."""
    return [
        {
            "severity": issue.get("severity", "error"),
            "code": issue.get("code", ""),
            "text": issue.get("details", {}).get("text") or issue.get("diagnostics") or issue.get("code", ""),
        }
        for issue in outcome.get("issue", ())
    ]


def title_of(resource: Document) -> str:
    """The name by which people know a resource."""
    return str(
        resource.get("title") or resource.get("name") or resource.get("url") or resource.get("id") or "?"
    )


def facts(resource: Document) -> list[tuple[str, str]]:
    """What a resource states about itself, by labels."""
    rows = [(label, _fact(resource[name])) for name, label in _FACTS if resource.get(name) not in (None, "")]
    places = [
        coding.get("display") or coding.get("code") for coding in _codings(resource.get("jurisdiction"))
    ]
    if places:
        rows.append(("For", ", ".join(str(place) for place in places if place)))
    identifiers = [str(node["value"]) for node in resource.get("identifier", ()) if node.get("value")]
    return rows + [("Identifier", identifier) for identifier in identifiers[:5]]


def pills(resource: Document) -> list[str]:
    """The words that stand beside the title: status, and how much of a code system is here."""
    words = [str(resource[name]) for name in _PILLS if resource.get(name)]
    return words + (["experimental"] if resource.get("experimental") else [])


def _fact(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return texts.number(value)


def _codings(concepts: object) -> Iterable[Document]:
    for concept in concepts if isinstance(concepts, list) else ():
        yield from concept.get("coding", ())


def summaries(road: Road, kind: str, query: Sequence[tuple[str, str]], most: int = 50) -> list[Document]:
    """The resources that a search finds, without their content."""
    elements = [("_elements", "url,version,name,title,status,content,count,date"), ("_count", str(most))]
    return road.get_once(kind, [*query, *elements]).entries()


def system_title(road: Road, url: str) -> str:
    """The title of the naming system of a code system, if it has one alone, or its own title, or else its url."""
    named = summaries(road, "NamingSystem", [("value", url)], 2)
    results = named if len(named) == 1 else summaries(road, "CodeSystem", [("url", url)], 1)
    return title_of(results[0]) if results else url


def titles_of(road: Road, systems: Iterable[str]) -> dict[str, str]:
    """The titles of code systems by their urls."""
    return {url: system_title(road, url) for url in dict.fromkeys(systems)}


def map_titles(maps: Iterable[Document]) -> dict[str, str]:
    """The titles of maps by their urls."""
    return {str(map_.get("url")): title_of(map_) for map_ in maps}


def parts_of(node: Document) -> list[tuple[str, Any]]:
    """The parts of a parameter: names, and values as texts, Codings, or lists of parts."""
    return [(str(part.get("name")), value_of(part)) for part in node.get("part", ())]


def value_of(node: Document) -> Any:
    """The value of a parameter; of one without, its resource or its parts."""
    typed = Typed.of(node)
    if typed is not None:
        return typed.value
    return node.get("resource", node.get("part"))


def parameters_of(answer: Document) -> dict[str, list[Document]]:
    """The parameters of an answer by their names."""
    results: dict[str, list[Document]] = {}
    for node in answer.get("parameter", ()):
        results.setdefault(str(node.get("name")), []).append(node)
    return results


def single(results: dict[str, list[Document]], name: str) -> Any:
    """The value of the first parameter with a name, or None."""
    return value_of(results[name][0]) if results.get(name) else None


def notices_of(results: dict[str, list[Document]]) -> list[str]:
    """The notices of licences that the answer to an operation carries."""
    return [str(value_of(node)) for node in results.get("copyright", ())]
