"""Search: the resources that match, and one page of them (https://hl7.org/fhir/R5/search.html).

Each search parameter is a row: its type, and the values in a document (R5 shape) that it compares. Every root
understands R4's and R5's names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.budget import counted
from terminology.core.errors import RefusedError, TerminologyError
from terminology.core.model import Document, split_canonical
from terminology.operations.limits import STEPS_OF_FILTER
from terminology.wire.bundle import searchset
from terminology.wire.outcome import operation_outcome
from terminology.wire.parameters import LARGEST

PAGE = 50
LARGEST_PAGE = 1000
# The values of all parameters together; those that commas separate count one by one.
MOST_VALUES = 500
# The most resources that one search looks into: those that are not in the store are read from their files.
MOST_LOOKED_INTO = 10_000
# The most parameters in ``_sort``.
MOST_SORTED_BY = 10
Values = Callable[[Document], Iterator[Any]]
# The code systems of elements of the type code.
_LANGUAGES = "urn:ietf:bcp:47"
_STATUS = "http://hl7.org/fhir/publication-status"
_CONTENT_MODE = "http://hl7.org/fhir/codesystem-content-mode"
_KIND = "http://hl7.org/fhir/namingsystem-type"
_ID_TYPE = "http://hl7.org/fhir/namingsystem-identifier-type"


@dataclass(slots=True, frozen=True)
class SearchParameter:
    """``type`` as in SearchParameter.type; ``values`` yields strings, or ``Token``s.

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


class Token(NamedTuple):
    """A code, or an identifier; ``system`` is empty where there is none.

    ``folds``: case need not count; None where only the code system can tell. ``implied``: the element implies the
    system, so that the code is found without one (``|code``), too.
    """

    system: str
    code: str
    folds: bool | None = False
    implied: bool = False


def _tokens(path: Values, system: str = "") -> Values:
    """Identifiers, Codings, CodeableConcepts and plain codes, whose element implies a system, as Tokens."""

    def values(document: Document) -> Iterator[Token]:
        for value in path(document):
            for coding in _as_list(value.get("coding", value)) if isinstance(value, dict) else [value]:
                if isinstance(coding, dict):
                    yield Token(coding.get("system", ""), coding.get("code") or coding.get("value") or "")
                else:
                    yield Token(system, str(coding), implied=True)

    return values


def _canonical(document: Document) -> Iterator[str]:
    """The url, and the url with the version."""
    if "url" in document:
        yield document["url"]
        if "version" in document:
            yield f"{document['url']}|{document['version']}"


def _nested(nodes: Any, name: str) -> Iterator[Document]:
    """The nodes of a list, and those that are nested in them under a name."""
    open_ = [node for node in _as_list(nodes) if isinstance(node, dict)]
    while open_:
        node = open_.pop()
        yield node
        open_.extend(below for below in _as_list(node.get(name)) if isinstance(below, dict))


def _concepts(document: Document) -> Iterator[Token]:
    system, folds = document.get("url", ""), document.get("caseSensitive") is not True
    for node in _nested(document.get("concept"), "concept"):
        yield Token(system, node.get("code", ""), folds)


def _languages(document: Document) -> Iterator[Token]:
    for node in _nested(document.get("concept"), "concept"):
        for tag in _at("designation", "language")(node):
            yield Token(_LANGUAGES, tag, folds=True, implied=True)


def _listed(document: Document) -> Iterator[Token]:
    """The codes that a value set lists. Which codes its filters choose is a question for $expand."""
    for include in _at("compose", "include")(document):
        system = include.get("system", "")
        yield from (Token(system, code, None) for code in _at("concept", "code")(include))
    for node in _nested(document.get("expansion", {}).get("contains"), "contains"):
        if "code" in node:
            yield Token(node.get("system", ""), node["code"], None)


def _mapped(end: str, *path: str) -> SearchParameter:
    """The codes of one end of a map, each with the code system of its group."""

    def values(document: Document) -> Iterator[Token]:
        for group in _at("group")(document):
            system = str(group.get(end, "")).partition("|")[0]
            yield from (Token(system, code, None) for code in _at("element", *path, "code")(group))

    return SearchParameter("token", values, inside=True)


def _p(type_: str, values: Values, inside: bool = False, *, system: str = "") -> SearchParameter:
    """``system``: the code system of an element of the type code, which its binding names."""
    return SearchParameter(type_, _tokens(values, system) if type_ == "token" else values, inside)


def _related(type_: str) -> SearchParameter:
    def values(document: Document) -> Iterator[str]:
        return (
            a["resource"]
            for a in _at("relatedArtifact")(document)
            if a.get("type") == type_ and "resource" in a
        )

    return SearchParameter("reference", values)


_COMMON = {
    "_id": _p("token", _at("id")),
    "_lastUpdated": _p("date", _at("meta", "lastUpdated")),
    "_language": _p("token", _at("language"), system=_LANGUAGES),
    "_profile": _p("reference", _at("meta", "profile")),
    "_security": _p("token", _at("meta", "security")),
    "_source": _p("uri", _at("meta", "source")),
    "_tag": _p("token", _at("meta", "tag")),
    "url": _p("uri", _canonical),
    "version": _p("token", _at("version")),
    "identifier": _p("token", _at("identifier")),
    "name": _p("string", _at("name")),
    "title": _p("string", _at("title")),
    "status": _p("token", _at("status"), system=_STATUS),
    "date": _p("date", _at("date")),
    "effective": _p("date", _at("effectivePeriod")),
    "publisher": _p("string", _at("publisher")),
    "description": _p("string", _at("description")),
    "jurisdiction": _p("token", _at("jurisdiction")),
    "context": _p("token", _at("useContext", "valueCodeableConcept")),
    "context-type": _p("token", _at("useContext", "code")),
    "derived-from": _related("derived-from"),
    "predecessor": _related("predecessor"),
    "topic": _p("token", _at("topic")),
}


_SOURCE_SCOPE = _any_of(_at("sourceScopeUri"), _at("sourceScopeCanonical"))
_TARGET_SCOPE = _any_of(_at("targetScopeUri"), _at("targetScopeCanonical"))
_OTHER_MAP = _p("reference", _at("group", "unmapped", "otherMap"), inside=True)

PARAMETERS: dict[str, dict[str, SearchParameter]] = {
    "CodeSystem": _COMMON
    | {
        "system": _p("uri", _canonical),
        "code": SearchParameter("token", _concepts, inside=True),
        "content-mode": _p("token", _at("content"), system=_CONTENT_MODE),
        "language": SearchParameter("token", _languages, inside=True),
        "supplements": _p("reference", _at("supplements")),
    },
    "ValueSet": _COMMON
    | {
        "reference": _p(
            "uri",
            _any_of(_at("compose", "include", "system"), _at("compose", "include", "valueSet")),
            inside=True,
        ),
        "code": SearchParameter("token", _listed, inside=True),
        "expansion": _p("uri", _at("expansion", "identifier"), inside=True),
    },
    "ConceptMap": _COMMON
    | {
        "source-code": _mapped("source"),
        "target-code": _mapped("target", "target"),
        "source-group-system": _p("reference", _at("group", "source"), inside=True),
        "target-group-system": _p("reference", _at("group", "target"), inside=True),
        "source-system": _p("uri", _at("group", "source"), inside=True),
        "target-system": _p("uri", _at("group", "target"), inside=True),
        "source-scope": _p("reference", _SOURCE_SCOPE),
        "source-scope-uri": _p("uri", _SOURCE_SCOPE),
        "source": _p("reference", _SOURCE_SCOPE),
        "source-uri": _p("reference", _SOURCE_SCOPE),
        "target-scope": _p("reference", _TARGET_SCOPE),
        "target-scope-uri": _p("uri", _TARGET_SCOPE),
        "target": _p("reference", _TARGET_SCOPE),
        "target-uri": _p("reference", _TARGET_SCOPE),
        "other-map": _OTHER_MAP,
        "other": _OTHER_MAP,
        "dependson": _p("uri", _at("additionalAttribute", "uri"), inside=True),
        "mapping-property": _p("uri", _at("property", "uri")),
    },
    "NamingSystem": _COMMON
    | {
        "kind": _p("token", _at("kind"), system=_KIND),
        "value": _p("string", _at("uniqueId", "value")),
        "id-type": _p("token", _at("uniqueId", "type"), system=_ID_TYPE),
        "responsible": _p("string", _at("responsible")),
        "contact": _p("string", _at("contact", "name")),
        "telecom": _p("token", _at("contact", "telecom")),
        "period": _p("date", _at("uniqueId", "period")),
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


def _ignoring_case(catalogue: Catalogue) -> Callable[[str], bool]:
    """Whether a code of a code system may be written in another case."""

    def ignores_case(url: str) -> bool:
        system = catalogue.find_system(url)
        return system is not None and not system.about.case_sensitive

    return ignores_case


def search(
    catalogue: Catalogue, kind: str, query: Sequence[tuple[str, str]], url: str, strict: bool = False
) -> Document:
    """A searchset Bundle of the resources that match, each as its header.

    ``url`` is that of the search, with which the links begin. Only those resources whose headers pass all other
    conditions are looked into. Unknown parameters are ignored and left out of the links, and a
    warning says so; ``strict`` refuses them. Raises TerminologyError for a bad value, and RefusedError for an unknown
    parameter or modifier.
    """
    conditions = [(name, value) for name, value in query if name not in RESULT and value != ""]
    values = sum(1 + value.count(",") for _, value in query)
    if values > MOST_VALUES:
        raise TerminologyError(issues.too_many_search_values(values, MOST_VALUES))
    known = [(name, value) for name, value in conditions if _known(name, kind, strict)]
    tests: dict[bool, list[Test]] = {True: [], False: []}
    ignores_case = _ignoring_case(catalogue)
    codes: set[str] = set()
    for name, value in known:
        if (kind, name) == ("CodeSystem", "code") and (systems := _systems(value)) is not None:
            tests[False].append(lambda header, systems=systems: header.get("url", "") in systems)  # type: ignore[misc]
        parameter = PARAMETERS[kind][name.partition(":")[0]]
        tests[parameter.inside].append(_test(kind, name, value, ignores_case))
        if parameter.inside and parameter.type == "token":
            codes |= {text.rpartition("|")[2] for text in _alternatives(value)}
    steps = 1 + STEPS_OF_FILTER * values
    headers = catalogue.headers(kind, _only_url(known))
    matches = [h for h in counted(headers, steps) if all(test(h) for test in tests[False])]
    if tests[True]:
        if len(matches) > MOST_LOOKED_INTO:
            raise TerminologyError(issues.search_too_costly(kind, len(matches), MOST_LOOKED_INTO))
        matches = [
            header
            for header, content in (
                (header, catalogue.searched(header, codes)) for header in counted(matches, 10 * steps)
            )
            if all(test(content) for test in tests[True])
        ]
    form = {name: value for name, value in query if name in RESULT}
    _sort(matches, kind, form.get("_sort", ""))
    if form.get("_summary") == "count":
        form["_count"] = "0"
    page = form.items()
    offset, count = number("_offset", page, 0), min(number("_count", page, PAGE), LARGEST_PAGE)
    links = _links(url, known, form, offset, count, len(matches))
    bundle = searchset(len(matches), links, matches[offset : offset + count])
    # A condition that is ignored makes the result larger. Those that begin with "_" are mostly not conditions.
    names = dict(known)
    unknown = (name for name, _ in conditions if name not in names and not name.startswith("_"))
    ignored = dict.fromkeys(unknown)
    if ignored and count:
        warnings = [issues.search_parameter_ignored(name, kind, sorted(PARAMETERS[kind])) for name in ignored]
        outcome = {"resource": operation_outcome(warnings), "search": {"mode": "outcome"}}
        bundle.setdefault("entry", []).append(outcome)
    return bundle


def _only_url(conditions: Iterable[tuple[str, str]]) -> str | None:
    """The url that all matches have; None if there is no such condition, or it has several values."""
    for name, value in conditions:
        if name == "url" and len(alternatives := _alternatives(value)) == 1:
            return split_canonical(alternatives[0])[0]
    return None


def _systems(text: str) -> set[str] | None:
    """The code systems that a list of tokens names; None if one of them names none."""
    parts = [part.rpartition("|") for part in _alternatives(text)]
    return {system for system, _, _ in parts} if all(bar for _, bar, _ in parts) else None


def _known(name: str, kind: str, strict: bool) -> bool:
    base = name.partition(":")[0]
    if base in _UNSUPPORTED or (strict and base not in PARAMETERS[kind]):
        raise RefusedError(400, issues.unknown_search_parameter(name, kind, sorted(PARAMETERS[kind])))
    return base in PARAMETERS[kind]


def number(name: str, query: Iterable[tuple[str, str]], default: int) -> int:
    """The whole number that a parameter has. Raises TerminologyError for any other value."""
    text = dict(query).get(name, str(default))
    if not text.isascii() or not text.isdecimal():
        raise TerminologyError(issues.bad_search_value(name, text, "a whole number that is not negative"))
    if len(text) > len(str(LARGEST)) or int(text) > LARGEST:
        raise TerminologyError(issues.bad_search_value(name, text, f"a whole number of at most {LARGEST}"))
    return int(text)


def _sort(matches: list[Document], kind: str, order: str) -> None:
    """Sort by the parameters in ``order``; a minus reverses one. Without parameters the order stays."""
    keys = [key for key in order.split(",") if key]
    if len(keys) > MOST_SORTED_BY:
        expected = f"a list of at most {MOST_SORTED_BY} parameters"
        raise TerminologyError(issues.bad_search_value("_sort", order, expected))
    for key in reversed(keys):
        parameter = PARAMETERS[kind].get(key.lstrip("-"))
        if parameter is None or parameter.inside:
            names = ", ".join(name for name, row in sorted(PARAMETERS[kind].items()) if not row.inside)
            raise TerminologyError(issues.bad_search_value("_sort", key, f"some of {names}"))
        values = parameter.values
        matches.sort(key=lambda d: min(map(_text, values(d)), default=""), reverse=key.startswith("-"))  # noqa: B023


def _text(value: Any) -> str:
    return value.code if isinstance(value, Token) else str(value)


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


def _test(kind: str, name: str, text: str, ignores_case: Callable[[str], bool]) -> Test:
    base, _, modifier = name.partition(":")
    parameter = PARAMETERS[kind][base]
    if modifier == "missing":
        if text not in ("true", "false"):
            raise TerminologyError(issues.bad_search_value(name, text, "true or false"))
        return lambda document: any(True for _ in parameter.values(document)) is (text == "false")
    make = MATCHERS.get((parameter.type, modifier))
    if make is None:
        offered = sorted(f":{m}" for t, m in MATCHERS if t == parameter.type and m)
        raise RefusedError(400, issues.unknown_modifier(base, modifier, [*offered, ":missing"]))
    if make is _token:
        make = partial(_token, ignores_case=ignores_case)
    alternatives = [make(value) for value in _alternatives(text)]
    if modifier == "not":
        return lambda document: not any(m(v) for m in alternatives for v in parameter.values(document))
    return lambda document: any(m(v) for m in alternatives for v in parameter.values(document))


def _alternatives(text: str) -> list[str]:
    r"""Values are separated by commas; ``\,`` is a comma, and ``\|`` a bar (search.html#escaping).

    An empty one matches nothing, so it is left out.
    """
    plain = text.replace("\\,", "\0").replace("\\|", "|").replace("\\$", "$")
    return [part.replace("\0", ",") for part in plain.split(",") if part.strip("| ")]


Matcher = Callable[[Any], bool]


def _plain(text: str) -> str:
    """The text without case and accents."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _starts(text: str) -> Matcher:
    sought = _plain(text)
    return lambda value: sought != "" and _plain(str(value)).startswith(sought)


def _contains(text: str) -> Matcher:
    sought = _plain(text)
    return lambda value: sought != "" and sought in _plain(str(value))


def _exact(text: str) -> Matcher:
    return lambda value: value == text


def _uri(text: str) -> Matcher:
    """A url finds every version of it, and ``url|version`` that version; the bar may have been escaped."""
    url, version = split_canonical(text)
    sought = {text, url if version is None else f"{url}|{version}"}
    return lambda value: value in sought or split_canonical(str(value))[0] in sought


def _below(text: str) -> Matcher:
    return lambda value: str(value).startswith(text)


def _above(text: str) -> Matcher:
    return lambda value: text.startswith(str(value))


def _token(text: str, ignores_case: Callable[[str], bool] = lambda system: False) -> Matcher:
    system, bar, code = text.rpartition("|")
    folded = code.casefold()

    def has_code(value: Token) -> bool:
        if value.code == code or value.folds is False or value.code.casefold() != folded:
            return value.code == code
        return value.folds or ignores_case(value.system)

    def has_system(value: Token) -> bool:
        return value.system == system or (value.implied and not system)

    if not bar:
        return has_code
    return lambda value: has_system(value) and (not code or has_code(value))


# Whether dates from c up to d (exclusive) fit those of the parameter, from a up to b (search.html#prefix).
_COMPARED: dict[str, Callable[[datetime, datetime, datetime, datetime], bool]] = {
    "eq": lambda a, b, c, d: a <= c and d <= b,
    "ne": lambda a, b, c, d: not (a <= c and d <= b),
    "gt": lambda a, b, c, d: d > b,
    "ge": lambda a, b, c, d: d > b or (a <= c and d <= b),
    "lt": lambda a, b, c, d: c < a,
    "le": lambda a, b, c, d: c < a or (a <= c and d <= b),
    "sa": lambda a, b, c, d: c >= b,
    "eb": lambda a, b, c, d: d <= a,
}


def _date(text: str) -> Matcher:
    """A date stands for all moments that it may mean: a year for all of that year."""
    prefix = text[:2] if text[:2] in _COMPARED else "eq"
    moments = _moments(text.removeprefix(prefix))
    if moments is None:
        raise TerminologyError(issues.bad_search_value("date", text, "a date such as ge2026-01"))
    compare, (first, end) = _COMPARED[prefix], moments

    def matches(value: Any) -> bool:
        own = _period(value) if isinstance(value, dict) else _moments(str(value))
        return own is not None and compare(first, end, *own)

    return matches


# A date, dateTime or instant; and what makes a day of a shorter one, by its length.
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII)
_FIRST = {4: "-01-01", 7: "-01"}


def _moments(text: str) -> tuple[datetime, datetime] | None:
    """The moments from the first to the second (exclusive) that a date may mean; None for any other text."""
    if not _DATE.fullmatch(text):
        return None
    try:
        first = datetime.fromisoformat(text + _FIRST.get(len(text), ""))
        if len(text) == 4:
            end = first.replace(year=first.year + 1)
        elif len(text) == 7:
            end = (first + timedelta(days=31)).replace(day=1)
        elif len(text) == 10:
            end = first + timedelta(days=1)
        else:
            has_seconds = text[16:17] == ":"
            fraction = timedelta(milliseconds=1) if "." in text else timedelta(seconds=1)
            end = first + (fraction if has_seconds else timedelta(minutes=1))
    except (ValueError, OverflowError):
        return None
    return (first, end) if first.tzinfo else (first.replace(tzinfo=UTC), end.replace(tzinfo=UTC))


def _period(value: Document) -> tuple[datetime, datetime] | None:
    """The moments of a Period, of which one end may be open."""
    start, end = (
        _moments(str(value.get("start", "0001-01-01"))),
        _moments(str(value.get("end", "9999-12-30"))),
    )
    return (start[0], end[1]) if start and end else None


MATCHERS: dict[tuple[str, str], Callable[[str], Matcher]] = {
    ("string", ""): _starts,
    ("string", "contains"): _contains,
    ("string", "exact"): _exact,
    ("uri", ""): _uri,
    ("uri", "below"): _below,
    ("uri", "above"): _above,
    ("uri", "contains"): _contains,
    ("reference", ""): _uri,
    ("reference", "below"): _below,
    ("reference", "above"): _above,
    ("reference", "contains"): _contains,
    ("token", ""): _token,
    ("token", "not"): _token,
    ("date", ""): _date,
}


def parameters_of(kind: str) -> Iterable[tuple[str, str]]:
    """The names and types of a kind's search parameters."""
    return ((name, parameter.type) for name, parameter in PARAMETERS[kind].items())
