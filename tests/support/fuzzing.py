"""Requests that are nearly right: real ones, with something wrong in them.

``nearly_right`` makes the request of a number; the same seed and number make the same request. The resources
of ``whole_resources`` have every element that FHIR gives them, so that something can be wrong with each.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape, quoteattr

from terminology.wire.operation_table import OPERATIONS
from tests.support.builders import BASE
from tests.support.conization import CPT, OURS, PCS
from tests.support.whole_resources import resources

JSON = "application/fhir+json"
XML = "application/fhir+xml"
FORM = "application/x-www-form-urlencoded"
LONG = "x" * 300
# The most characters of what a client sent that an error may repeat, with a little more for quotes.
MOST_ECHOED = 200
GENDER = "http://hl7.org/fhir/administrative-gender"
Json = dict[str, Any]
Place = tuple[Any, Any]  # an object or a list, and the key of something in it


def nested(levels: int) -> Any:
    value: Any = "x"
    for level in range(levels):
        value = [value] if level % 2 else {"extension": value}
    return value


# A value of each JSON type, and of some that are hard to read.
WRONG: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    10**30,
    2**63,
    1e300,
    "",
    " ",
    LONG,
    "\ud800",
    "\x00",
    "<b>&amp;",
    "9" * 50,
    "2020-13-45",
    "http://example.org/nothing|1",
    "#x",
    "|",
    "%",
    "(a+)+$",
    "*",
    [],
    {},
    [[]],
    [None],
    [{}],
    ["x"],
    {"a": []},
    {"value": {}},
    [[[]]],
    {"coding": {}},
    {"coding": [None]},
    {"resourceType": "ValueSet"},
    {"resourceType": []},
    {"extension": {}},
    {"extension": [{}]},
    [True],
    [0],
    nested(60),
    nested(150),
    nested(400),
]
TEXTS = [
    "",
    " ",
    "true",
    "false",
    "0",
    "-1",
    "5",
    "99999999999",
    "1e5",
    LONG,
    "x" * 10_000,
    "\x00",
    "é",
    "\ud800",
    "a|b",
    "|",
    "||",
    "#",
    "*",
    "de",
    "de;q=2",
    "de,*;q=0",
    "http://",
    "urn:",
    "urn:oid:2.16.840.1.113883.6.1",
    "http://snomed.info/sct",
    "http://snomed.info/sct?fhir_vs=ecl/<<",
    "http://snomed.info/sct?fhir_vs=refset/1",
    "2020",
    "2020-99-99",
    "9999-12-31T23:59:59Z",
    "0000",
    "ge2020",
    "../../etc/passwd",
    "%00",
    "%zz",
    "<script>",
    "'\"",
    "57520",
    "conization",
    "male",
    CPT,
    OURS,
    PCS,
    GENDER,
    f"{CPT}|2026",
    f"{BASE}/cs",
    f"{BASE}/vs",
    f"{BASE}/cm",
    f"{BASE}/cs|1",
    "xml",
    "json",
    "[[1",
    "[a\\",
    "{",
    "\\",
    "\\d",
    "1.x",
    "1.x.x.x",
    "latest",
    "?",
    "!",
]
HEADERS = {
    "Accept": [
        JSON,
        XML,
        "*/*",
        "text/html",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "application/fhir+json; fhirVersion=4.0",
        "x",
        "a;q=x",
        ";;,,",
        ",",
        "*",
    ],
    "Accept-Language": [
        "de",
        "de, en;q=0.5",
        "*",
        "x" * 500,
        ",".join(["de"] * 200),
        "de;q=nan",
        ";",
        "de-*",
    ],
    "Content-Type": [
        JSON,
        XML,
        FORM,
        "text/plain",
        "",
        "application/json; charset=latin-1",
        ";",
        "x",
        "multipart/form-data",
    ],
    "Content-Encoding": ["gzip", "identity", "br", "gzip, gzip", ""],
    "Prefer": ["handling=strict", "return=minimal", LONG, "handling", "respond-async"],
    "If-None-Match": ["*", 'W/"1"', '"', ",".join(['"x"'] * 500)],
    "If-Modified-Since": [
        "Mon, 01 Jan 2020 00:00:00 GMT",
        "x",
        "Mon, 99 Xyz 0000 99:99:99 +9999",
        "9999-99",
        "2020-01-01T00:00:00+99:99",
    ],
    "X-Cache-Id": ["none", LONG, "x" * 30, ""],
    "X-Too-Costly-Threshold": ["1", "0", "-1", "9" * 30, "²", "x"],
    "X-Request-Id": ["mine", LONG, "\x7f"],
    "Origin": ["http://localhost:3000", "https://x.example", "null", "http://[", "http://[::1", LONG],
    "Host": ["localhost", "x.example", "[", "a b", "", LONG, "a,b", "[::1]:99999", "\xff"],
    "Authorization": ["Bearer x", "Basic \xff", LONG],
    "Access-Control-Request-Method": ["POST", "x"],
    "Content-Length": ["0", "5", "-1", "x", "99999999999999999999", "²"],
    "Transfer-Encoding": ["chunked", "gzip, chunked"],
}


# -- what goes wrong -----------------------------------------------------------------------------


def places(document: Any) -> list[Place]:
    """Every place in a document, from the outside in."""
    found: list[Place] = []
    open_ = [document]
    while open_:
        node = open_.pop()
        keys: list[Any] = list(node) if isinstance(node, dict) else list(range(len(node)))
        for key in keys:
            found.append((node, key))
            if isinstance(node[key], (dict, list)):
                open_.append(node[key])
    return found


_TWICE = "__twice__"  # before the name of a key that is to stand twice in an object


def _wrong(random: Random) -> Any:
    return deepcopy(random.choice(WRONG))


def spoil(random: Random, document: Any) -> None:
    """Let one thing be wrong in the document."""
    found = places(document)
    if not found:
        return
    holder, key = random.choice(found)
    match random.randrange(10):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.append(deepcopy(holder[key]))
        case 1:
            holder[_TWICE + key] = _wrong(random)
        case 2 if isinstance(holder, dict):
            name = random.choice(
                [
                    f"_{key}",
                    key.upper(),
                    key + "x",
                    "value" + key.capitalize(),
                    "",
                    "resourceType",
                    "extension",
                ]
            )
            holder[name] = holder.pop(key)
        case 3:
            other, place = random.choice(found)
            holder[key] = deepcopy(other[place])
        case 4 if isinstance(holder, dict):
            holder[random.choice(["valueSet", "extension", "_" + key, "contained", "id", "language"])] = (
                _wrong(random)
            )
        case 5 if isinstance(holder[key], str):
            holder[key] = random.choice(TEXTS)
        case _:
            holder[key] = _wrong(random)


def as_json(document: Any) -> bytes:
    return json.dumps(document).replace(f'"{_TWICE}', '"').encode()


def as_xml(document: Any) -> bytes:
    """Any JSON as XML, also where FHIR has no XML for it."""
    if not isinstance(document, dict):
        return b"<x/>"
    kind = document.get("resourceType")
    name = kind if isinstance(kind, str) and kind.isalpha() else "Parameters"
    text = f'<{name} xmlns="http://hl7.org/fhir">{"".join(_elements(document))}</{name}>'
    return text.encode("utf-8", "replace")


def _elements(node: Json) -> Iterator[str]:
    for name, value in node.items():
        if name == "resourceType":
            continue
        tag = "".join(c for c in name if c.isalnum()) or "x"
        for item in value if isinstance(value, list) else [value]:
            if name == "div":
                yield str(item)
            elif isinstance(item, dict) and isinstance(item.get("resourceType"), str):
                inner = item["resourceType"] if item["resourceType"].isalpha() else "x"
                yield f"<{tag}><{inner}>{''.join(_elements(item))}</{inner}></{tag}>"
            elif isinstance(item, dict):
                attribute = (
                    f" url={quoteattr(str(item['url']))}" if name == "extension" and "url" in item else ""
                )
                rest = {key: each for key, each in item.items() if not attribute or key != "url"}
                yield f"<{tag}{attribute}>{''.join(_elements(rest))}</{tag}>"
            elif isinstance(item, list):
                yield f"<{tag}>{escape(str(item))}</{tag}>"
            else:
                yield f"<{tag} value={quoteattr(str(item).lower() if isinstance(item, bool) else str(item))}/>"


# -- requests ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Sent:
    """A request as it goes to the server."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


_IDS = (
    "cpt",
    "conization-to-cpt",
    "conization-procedures",
    "cervical-conization",
    "administrative-gender",
    "x",
)
_CODING = {"system": f"{BASE}/cs", "version": "1", "code": "a", "display": "A word"}
_GOOD: dict[str, list[Json]] = {
    "expand": [
        {"url": f"{BASE}/vs"},
        {"url": f"{BASE}/vs", "filter": "wor", "includeDesignations": True, "count": 2, "offset": 0},
        {"url": f"{BASE}/vs2", "property": "p"},
        {"url": f"{BASE}/vs", "excludeNested": True, "displayLanguage": "de"},
        {"url": f"{GENDER}?fhir_vs"},
    ],
    "validate-code": [
        {"url": f"{BASE}/vs", "system": f"{BASE}/cs", "code": "b", "display": "B"},
        {"url": f"{BASE}/cs", "code": "a"},
        {"url": f"{BASE}/vs", "coding": _CODING},
        {"url": f"{BASE}/cs", "codeableConcept": {"coding": [_CODING], "text": "x"}},
    ],
    "lookup": [
        {"system": f"{BASE}/cs", "code": "a", "property": "p", "displayLanguage": "de"},
        {"coding": _CODING},
        {"system": CPT, "code": "57520"},
    ],
    **dict.fromkeys(
        ("related", "compare"),
        [
            {"thisUrl": f"{BASE}/vs", "otherUrl": f"{BASE}/vs2", "diagnostics": True},
            {"thisUrl": f"{BASE}/vs", "otherUrl": f"{GENDER}?fhir_vs", "version-policy": "always"},
        ],
    ),
    "subsumes": [
        {"system": f"{BASE}/cs", "codeA": "a", "codeB": "b"},
        {"codingA": _CODING, "codingB": {**_CODING, "code": "b"}},
    ],
    "find-matches": [
        {
            "system": f"{BASE}/cs",
            "property": [{"name": "code", "valueCode": "p"}, {"name": "value", "valueCode": "a"}],
        }
    ],
    "translate": [
        {"url": f"{BASE}/cm", "system": f"{BASE}/cs", "code": "a"},
        {"url": f"{BASE}/cm", "sourceCoding": _CODING, "targetSystem": CPT},
        {"system": f"{BASE}/cs", "code": "a", "targetsystem": CPT, "reverse": False},
        {"codeableConcept": {"coding": [_CODING]}, "target": f"{BASE}/vs2"},
        {
            "url": f"{BASE}/cm",
            "targetCode": "57520",
            "system": f"{BASE}/cs",
            "dependency": [{"name": "attribute", "valueUri": "x"}, {"name": "value", "valueString": "y"}],
        },
    ],
    "closure": [{"name": "table"}, {"name": "table", "concept": _CODING}, {"name": "table", "version": "1"}],
    "cache-control": [{"mode": "start"}, {"mode": "add"}, {"mode": "end"}],
    "versions": [{}],
}
_TYPES = {bool: "valueBoolean", int: "valueInteger", str: "valueString"}
_URLS = ("url", "thisUrl", "otherUrl", "system", "target", "targetsystem", "targetSystem", "source")


def nearly_right(seed: str, number: int) -> Sent:
    """The request of this number."""
    random = Random(f"{seed}/{number}")
    release = random.choice(["r4", "r4b", "r5", "r4", "r5", ""])
    make: Callable[[Random, str], Sent] = random.choice([_operation] * 6 + [_read, _batch, _anything])
    sent = make(random, release)
    if random.random() < 0.15:
        name = random.choice(list(HEADERS))
        sent.headers[name] = random.choice(HEADERS[name])
    if random.random() < 0.03:
        sent.method = random.choice(
            ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "GET", "POST", "x"]
        )
    if random.random() < 0.05:
        sent.path = _spoilt_text(random, sent.path)
    if random.random() < 0.04 and sent.body:
        sent.body = _spoilt_bytes(random, sent.body)
    if sent.headers.get("Content-Encoding") == "gzip" and random.random() < 0.8:
        sent.body = gzip.compress(sent.body, 1)
    return sent


def _operation(random: Random, release: str) -> Sent:
    (kind, name), _ = random.choice(list(OPERATIONS.items()))
    instance = f"/{random.choice(_IDS)}" if kind and random.random() < 0.15 else ""
    path = f"/fhir/{release}/{kind}{instance}/${name}".replace("//", "/")
    good = dict(random.choice(_GOOD[name.removeprefix("batch-")]))
    if random.random() < 0.3:
        return _get(random, path, good)
    nodes = [_parameter(key, value) for key, value in good.items()]
    sent_along = deepcopy(list(resources(release or "r4")))
    for resource in sent_along:
        own = resource["resourceType"]
        if random.random() < 0.1 and f"{own[0].lower()}{own[1:]}" in ("valueSet", "codeSystem", "conceptMap"):
            nodes = [node for node in nodes if node["name"] != "url"]
            nodes.append({"name": f"{own[0].lower()}{own[1:]}", "resource": resource})
        else:
            nodes.append({"name": "tx-resource", "resource": resource})
    if name.startswith("batch-"):
        inner = {"resourceType": "Parameters", "parameter": nodes[: len(good)]}
        nodes = [*nodes[len(good) :], {"name": "validation", "resource": inner}]
    body: Json = {"resourceType": "Parameters", "parameter": nodes}
    return _posted(random, path, body)


def _parameter(name: str, value: Any) -> Json:
    if isinstance(value, list):
        return {"name": name, "part": value}
    if isinstance(value, dict):
        return {"name": name, "valueCodeableConcept" if "coding" in value else "valueCoding": value}
    return {"name": name, "valueUri" if name in _URLS else _TYPES[type(value)]: value}


def _get(random: Random, path: str, good: Json) -> Sent:
    pairs = [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in good.items()]
    for _ in range(random.choice([0, 1, 1, 2])):
        match random.randrange(4):
            case 0 if pairs:
                place = random.randrange(len(pairs))
                pairs[place] = (pairs[place][0], random.choice(TEXTS))
            case 1 if pairs:
                del pairs[random.randrange(len(pairs))]
            case 2:
                pairs.append((random.choice(_NAMES), random.choice(TEXTS)))
            case _:
                pairs.append((random.choice(TEXTS), random.choice(TEXTS)))
    query = urlencode(pairs, errors="surrogatepass")
    if random.random() < 0.1:
        return Sent("POST", path, "", {"Content-Type": FORM}, query.encode())
    return Sent(random.choice(["GET", "GET", "HEAD", "POST"]), path, query)


def _posted(random: Random, path: str, body: Any) -> Sent:
    holder = [body]
    for _ in range(random.choice([0, 1, 1, 1, 1, 2, 3])):
        spoil(random, holder[0] if isinstance(holder[0], (dict, list)) else holder)
    if random.random() < 0.25:
        return Sent("POST", path, "", {"Content-Type": XML}, as_xml(holder[0]))
    return Sent("POST", path, "", {"Content-Type": JSON}, as_json(holder[0]))


_KINDS = ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem")
_SEARCHED = (
    "_id",
    "url",
    "version",
    "name",
    "name:contains",
    "name:exact",
    "title",
    "status",
    "status:not",
    "date",
    "_lastUpdated",
    "code",
    "system",
    "reference",
    "identifier",
    "_count",
    "_offset",
    "_sort",
    "_summary",
    "_elements",
    "_format",
    "_pretty",
    "url:below",
    "url:above",
    "url:missing",
    "source-code",
    "target-code",
    "content-mode",
    "value",
    "period",
    "context",
    "_total",
    "mode",
    "name:x",
    "_include",
    "telecom",
    "kind",
    "effective",
)
_NAMES = sorted(
    {name for row in OPERATIONS.values() for p in row.parameters for name in p.names} | set(_SEARCHED)
) + [
    "tx-resource",
    "cache-id",
]


def _read(random: Random, release: str) -> Sent:
    kind = random.choice(_KINDS)
    end = random.choice(
        [
            "",
            "",
            "",
            f"/{random.choice(_IDS)}",
            f"/{random.choice(_IDS)}/_history",
            f"/{random.choice(_IDS)}/_history/1",
            "/_search",
            "/_history",
        ]
    )
    pairs = [(random.choice(_SEARCHED), random.choice(TEXTS)) for _ in range(random.randrange(4))]
    path = random.choice(
        [f"/fhir/{release}/{kind}{end}"] * 6 + [f"/fhir/{release}/metadata", f"/fhir/{release}"]
    )
    return Sent(
        random.choice(["GET", "GET", "HEAD"]),
        path.replace("//", "/"),
        urlencode(pairs, errors="surrogatepass"),
    )


def _batch(random: Random, release: str) -> Sent:
    entries = []
    for _ in range(random.randrange(1, 4)):
        inner = _operation(random, release)
        url = inner.path.removeprefix(f"/fhir/{release}".rstrip("/")).strip("/") + (
            f"?{inner.query}" if inner.query else ""
        )
        entry: Json = {"request": {"method": inner.method, "url": url, "ifNoneMatch": 'W/"1"'}}
        if inner.headers.get("Content-Type") == JSON:
            try:
                entry["resource"] = json.loads(inner.body)
            except ValueError:
                entry["resource"] = {}
        entries.append(entry)
    return _posted(
        random, f"/fhir/{release}".rstrip("/"), {"resourceType": "Bundle", "type": "batch", "entry": entries}
    )


def _anything(random: Random, release: str) -> Sent:
    path = random.choice(
        [
            "/",
            "/fhir",
            "/x",
            "/favicon.ico",
            "/fhir/r6",
            "/fhir/R4/metadata",
            "/fhir/r4/Patient/1",
            "/fhir/r4//CodeSystem",
            "/fhir/r4/$x",
            "/fhir/r4/CodeSystem/$",
            "/fhir/r4/CodeSystem/a/b/c/d",
            f"/fhir/r4/CodeSystem/{LONG}",
            f"/{LONG}",
            "/fhir/../x",
            "/fhir/%00",
            "*",
            "",
        ]
    )
    return Sent(
        random.choice(["GET", "POST", "HEAD", "PUT", "OPTIONS"]),
        path,
        random.choice(["", "a", "=", "&&", "x=" + LONG]),
    )


def _spoilt_text(random: Random, text: str) -> str:
    place = random.randrange(len(text) + 1)
    return (
        text[:place]
        + random.choice(["/", "//", "$", "..", "%", "é", "\x00", LONG, "?", " ", "\\", "_history/", ";", "A"])
        + text[place:]
    )


def _spoilt_bytes(random: Random, body: bytes) -> bytes:
    place = random.randrange(len(body))
    match random.randrange(4):
        case 0:
            return body[:place]
        case 1:
            return (
                body[:place]
                + random.choice([b"\xff", b"\x00", b'"', b"{", b"<", b"&x;", b"<!DOCTYPE x>", b"]]>", b"\\"])
                + body[place:]
            )
        case 2:
            return body[:place] + body[place + random.randrange(1, 20) :]
        case _:
            return b"\xef\xbb\xbf" + body


# -- answers -------------------------------------------------------------------------------------

_WITHOUT_BODY = (204, 302, 303, 304)
PAGE = "text/html"


def fault_of(sent: Sent, status: int, headers: dict[str, str], body: bytes) -> str | None:
    """What is wrong with an answer, in a few words; None if nothing is. ``headers`` by their names in lower case."""
    if status >= 500:
        return str(status)
    if any(MOST_ECHOED * "x" + "x" in value for value in headers.values()) and status >= 400:
        return "long header"
    if status in _WITHOUT_BODY or sent.method == "HEAD" or (sent.method == "OPTIONS" and status == 200):
        return "body where there is none" if body else None
    type_ = headers.get("content-type", "")
    if type_.startswith(XML):
        is_outcome = b"<OperationOutcome" in body
    elif type_.startswith(JSON):
        try:
            document = json.loads(body)
        except ValueError:
            return "not JSON"
        is_outcome = isinstance(document, dict) and document.get("resourceType") == "OperationOutcome"
    elif type_.startswith(PAGE) and PAGE in sent.headers.get("Accept", ""):
        if not body.startswith(b"<!doctype html>"):
            return "not HTML"
        return "no issue" if status >= 400 and b'class="issue ' not in body else None
    else:
        return f"type {type_!r}"
    if status >= 400 and not is_outcome:
        return "no OperationOutcome"
    if status >= 400 and b"x" * (MOST_ECHOED + 1) in body:
        return "echo"
    return None


def encoded(path: str) -> str:
    """The path as it stands in a request line."""
    return quote(path, safe="/$:@!&'()*+,;=~%?") or "/"
