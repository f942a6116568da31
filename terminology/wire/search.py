"""Search: the resources that match, and one page of them (https://hl7.org/fhir/R5/search.html).

Each search parameter is a row: its type, and the values in a document (R5 shape) that it compares. Every root
understands R4's and R5's names.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from terminology.core import issues
from terminology.core.errors import RefusedError, TerminologyError
from terminology.core.model import Document, split_canonical
from terminology.wire.bundle import searchset

PAGE = 50
LARGEST_PAGE = 1000
Values = Callable[[Document], Iterator[Any]]


@dataclass(slots=True, frozen=True)
class SearchParameter:
    """``type`` as in SearchParameter.type; ``values`` yields strings, or (system, code) pairs for tokens.

    ``inside`` is true for values in the content, which the header of a large resource lacks.
    """

    type: str
    values: Values
    inside: bool = False


def _at(*path: str) -> Values:
    """The values at a path, through lists."""

    def values(document: Document) -> Iterator[Any]:
        nodes: list[Any] = [document]
        for step in path:
            nodes = [item for node in nodes if isinstance(node, dict) for item in _as_list(node.get(step))]
        yield from nodes

    return values


def _as_list(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _any_of(*several: Values) -> Values:
    return lambda document: (value for values in several for value in values(document))


def _concepts(document: Document) -> Iterator[str]:
    open_ = list(document.get("concept", ()))
    while open_:
        node = open_.pop()
        yield node.get("code", "")
        open_.extend(node.get("concept", ()))


def _tokens(path: Values) -> Values:
    """Identifiers, Codings, CodeableConcepts and plain codes as (system, code)."""

    def values(document: Document) -> Iterator[tuple[str, str]]:
        for value in path(document):
            for coding in _as_list(value.get("coding", value)) if isinstance(value, dict) else [value]:
                if isinstance(coding, dict):
                    yield coding.get("system", ""), coding.get("code") or coding.get("value") or ""
                else:
                    yield "", str(coding).lower() if isinstance(coding, bool) else str(coding)

    return values


def _p(type_: str, values: Values, inside: bool = False) -> SearchParameter:
    return SearchParameter(type_, _tokens(values) if type_ == "token" else values, inside)


_COMMON = {
    "_id": _p("token", _at("id")),
    "_lastUpdated": _p("date", _at("meta", "lastUpdated")),
    "_language": _p("token", _at("language")),
    "url": _p("uri", _at("url")),
    "version": _p("token", _at("version")),
    "identifier": _p("token", _at("identifier")),
    "name": _p("string", _at("name")),
    "title": _p("string", _at("title")),
    "status": _p("token", _at("status")),
    "date": _p("date", _at("date")),
    "publisher": _p("string", _at("publisher")),
    "description": _p("string", _at("description")),
    "jurisdiction": _p("token", _at("jurisdiction")),
    "context": _p("token", _at("useContext", "valueCodeableConcept")),
    "context-type": _p("token", _at("useContext", "code")),
    "derived-from": _p("uri", _at("relatedArtifact", "resource")),
    "topic": _p("token", _at("topic")),
}


def _map(*path: str) -> SearchParameter:
    return _p("token" if path[-1] == "code" else "uri", _at("group", *path), inside=True)


_SOURCE_SCOPE = _p("uri", _any_of(_at("sourceScopeUri"), _at("sourceScopeCanonical")))
_TARGET_SCOPE = _p("uri", _any_of(_at("targetScopeUri"), _at("targetScopeCanonical")))

PARAMETERS: dict[str, dict[str, SearchParameter]] = {
    "CodeSystem": _COMMON
    | {
        "system": _p("uri", _at("url")),
        "code": _p("token", _concepts, inside=True),
        "content-mode": _p("token", _at("content")),
        "language": _p("token", _at("concept", "designation", "language"), inside=True),
        "supplements": _p("uri", _at("supplements")),
    },
    "ValueSet": _COMMON
    | {
        "reference": _p(
            "uri",
            _any_of(_at("compose", "include", "system"), _at("compose", "include", "valueSet")),
            inside=True,
        ),
        "code": _p(
            "token",
            _any_of(_at("compose", "include", "concept", "code"), _at("expansion", "contains", "code")),
            inside=True,
        ),
        "expansion": _p("uri", _at("expansion", "identifier"), inside=True),
    },
    "ConceptMap": _COMMON
    | {
        "source-code": _map("element", "code"),
        "target-code": _map("element", "target", "code"),
        "source-group-system": _map("source"),
        "target-group-system": _map("target"),
        "source-system": _map("source"),
        "target-system": _map("target"),
        "source-scope": _SOURCE_SCOPE,
        "source-scope-uri": _SOURCE_SCOPE,
        "source": _SOURCE_SCOPE,
        "source-uri": _SOURCE_SCOPE,
        "target-scope": _TARGET_SCOPE,
        "target-scope-uri": _TARGET_SCOPE,
        "target": _TARGET_SCOPE,
        "target-uri": _TARGET_SCOPE,
        "other-map": _map("unmapped", "otherMap"),
        "other": _map("unmapped", "otherMap"),
        "dependson": _p("uri", _at("additionalAttribute", "uri")),
        "mapping-property": _p("uri", _at("property", "uri")),
    },
    "NamingSystem": _COMMON
    | {
        "kind": _p("token", _at("kind")),
        "value": _p("string", _at("uniqueId", "value")),
        "id-type": _p("token", _at("uniqueId", "type")),
        "responsible": _p("string", _at("responsible")),
        "type": _p("token", _at("type")),
    },
}
# Parameters that shape the answer. They do not select resources.
RESULT = frozenset(
    {"_count", "_offset", "_sort", "_total", "_totalMethod", "_summary", "_elements", "_format", "_pretty"}
)
_UNSUPPORTED = (
    "_include",
    "_revinclude",
    "_has",
    "_filter",
    "_query",
    "_contained",
    "_text",
    "_content",
    "_list",
)


def looks_inside(kind: str, query: Sequence[tuple[str, str]]) -> bool:
    """Whether a search needs whole documents; otherwise their headers do."""
    names = {name.partition(":")[0] for name, _ in query}
    names |= {key.lstrip("-") for name, value in query if name == "_sort" for key in value.split(",")}
    return any(PARAMETERS[kind][name].inside for name in names if name in PARAMETERS[kind])


def search(
    documents: Iterable[Document], kind: str, query: Sequence[tuple[str, str]], url: str, strict: bool = False
) -> Document:
    """A searchset Bundle of the documents that match: R5-shaped and whole.

    Unknown parameters are ignored and left out of the links; ``strict`` refuses them. Raises TerminologyError
    for a bad value, and RefusedError for an unknown parameter or modifier.
    """
    conditions = [(name, value) for name, value in query if name not in RESULT and value != ""]
    known = [(name, value) for name, value in conditions if _known(name, kind, strict)]
    tests = [_test(kind, name, value) for name, value in known]
    matches = [document for document in documents if all(test(document) for test in tests)]
    form = {name: value for name, value in query if name in RESULT}
    _sort(matches, kind, form.get("_sort", ""))
    if form.get("_summary") == "count":
        form["_count"] = "0"
    offset, count = _number("_offset", form, 0), min(_number("_count", form, PAGE), LARGEST_PAGE)
    links = _links(url, known, form, offset, count, len(matches))
    return searchset(len(matches), links, matches[offset : offset + count])


def _known(name: str, kind: str, strict: bool) -> bool:
    base = name.partition(":")[0]
    if base in _UNSUPPORTED or (strict and base not in PARAMETERS[kind]):
        raise RefusedError(400, issues.unknown_search_parameter(name, kind, sorted(PARAMETERS[kind])))
    return base in PARAMETERS[kind]


def _number(name: str, form: dict[str, str], default: int) -> int:
    text = form.get(name, str(default))
    if not text.isascii() or not text.isdecimal():
        raise TerminologyError(issues.bad_search_value(name, text, "a whole number that is not negative"))
    return int(text)


def _sort(matches: list[Document], kind: str, order: str) -> None:
    """Sort by the parameters in ``order``; a minus reverses one. Without parameters the order stays."""
    for key in reversed([key for key in order.split(",") if key]):
        parameter = PARAMETERS[kind].get(key.lstrip("-"))
        if parameter is None:
            raise TerminologyError(issues.bad_search_value("_sort", key, "names of search parameters"))
        values = parameter.values
        matches.sort(key=lambda d: min((str(v) for v in values(d)), default=""), reverse=key.startswith("-"))  # noqa: B023


def _links(
    url: str, known: Sequence[tuple[str, str]], form: dict[str, str], offset: int, count: int, total: int
) -> Iterator[tuple[str, str]]:
    def page(start: int) -> str:
        page_form = {**form, "_count": str(count), "_offset": str(start)}
        if start == 0:
            del page_form["_offset"]
        return f"{url}?{urlencode([*known, *page_form.items()])}"

    yield "self", page(offset)
    if count == 0:
        return
    yield "first", page(0)
    if offset > 0:
        yield "previous", page(max(0, offset - count))
    if offset + count < total:
        yield "next", page(offset + count)


# -- one condition -------------------------------------------------------------------------------

Test = Callable[[Document], bool]


def _test(kind: str, name: str, text: str) -> Test:
    base, _, modifier = name.partition(":")
    parameter = PARAMETERS[kind][base]
    if modifier == "missing":
        return lambda document: any(True for _ in parameter.values(document)) is (text == "false")
    make = MATCHERS.get((parameter.type, modifier))
    if make is None:
        offered = sorted(f":{m}" for t, m in MATCHERS if t == parameter.type and m)
        raise RefusedError(400, issues.unknown_modifier(base, modifier, [*offered, ":missing"]))
    alternatives = [make(value) for value in _alternatives(text)]
    if modifier == "not":
        return lambda document: (
            not any(m(v, document) for m in alternatives for v in parameter.values(document))
        )
    return lambda document: any(m(v, document) for m in alternatives for v in parameter.values(document))


def _alternatives(text: str) -> list[str]:
    r"""Values are separated by commas; ``\,`` is a comma (search.html#escaping)."""
    return [part.replace("\0", ",") for part in text.replace("\\,", "\0").split(",")]


Matcher = Callable[[Any, Document], bool]


def _plain(text: str) -> str:
    """The text without case and accents."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _starts(text: str) -> Matcher:
    return lambda value, _: _plain(str(value)).startswith(_plain(text))


def _contains(text: str) -> Matcher:
    return lambda value, _: _plain(text) in _plain(str(value))


def _exact(text: str) -> Matcher:
    return lambda value, _: value == text


def _uri(text: str) -> Matcher:
    """A canonical with a version also compares the version."""
    url, version = split_canonical(text)

    def matches(value: Any, document: Document) -> bool:
        bare = split_canonical(str(value))[0]
        return value == text or (bare == url and version in (None, document.get("version")))

    return matches


def _below(text: str) -> Matcher:
    return lambda value, _: str(value).startswith(text)


def _above(text: str) -> Matcher:
    return lambda value, _: text.startswith(str(value))


def _token(text: str) -> Matcher:
    system, bar, code = text.rpartition("|")
    if not bar:
        return lambda value, _: value[1] == code
    return lambda value, _: value[0] == system and code in ("", value[1])


_COMPARED: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda value, text: value.startswith(text),
    "ne": lambda value, text: not value.startswith(text),
    "gt": lambda value, text: value[: len(text)] > text,
    "sa": lambda value, text: value[: len(text)] > text,
    "ge": lambda value, text: value[: len(text)] >= text,
    "lt": lambda value, text: value[: len(text)] < text,
    "eb": lambda value, text: value[: len(text)] < text,
    "le": lambda value, text: value[: len(text)] <= text,
}


def _date(text: str) -> Matcher:
    """Dates are compared with the precision of the parameter: a year means all of that year."""
    prefix = text[:2] if text[:2] in _COMPARED else "eq"
    date = text.removeprefix(prefix)
    if not date[:4].isdecimal():
        raise TerminologyError(issues.bad_search_value("date", text, "a date such as ge2026-01"))
    compare = _COMPARED[prefix]
    return lambda value, _: compare(str(value), date)


MATCHERS: dict[tuple[str, str], Callable[[str], Matcher]] = {
    ("string", ""): _starts,
    ("string", "contains"): _contains,
    ("string", "exact"): _exact,
    ("uri", ""): _uri,
    ("uri", "below"): _below,
    ("uri", "above"): _above,
    ("uri", "contains"): _contains,
    ("token", ""): _token,
    ("token", "not"): _token,
    ("date", ""): _date,
}


def parameters_of(kind: str) -> Iterable[tuple[str, str]]:
    """The names and types of a kind's search parameters."""
    return ((name, parameter.type) for name, parameter in PARAMETERS[kind].items())
