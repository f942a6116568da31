"""A code system answers alike, kept as a resource in memory or compiled into the store."""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import ConceptDetail, Filter, Issue
from terminology.systems.document import DocumentCodeSystem
from terminology.systems.indexed import IndexedCodeSystem
from terminology.systems.protocol import CodeSystem
from terminology.systems.supplement import SupplementedCodeSystem
from tests.support.compiled import shelved

pytest.importorskip("pyroaring")

Json = dict[str, Any]
URL = "http://example.org/CodeSystem/any"
CODES = ["A1", "a2", "b-3", "B 4", "c5", "C6"]
LANGUAGES = [None, "de", "de-AT", "en", "fr"]
WORDS = ["Ast", "Asten", "Café", "cafe noir", "Blatt 7", "leaf", "Strasse", "straße", "7"]
ROLE = "http://hl7.org/fhir/concept-properties#"
LONG = "a long text " * 40

# Every type of property: its code, its type, what it may be called as a role, the values.
PROPERTIES: dict[str, tuple[str, str | None, list[Any]]] = {
    "text": ("string", None, ["red", "Red", "dark red", "1.0", LONG, f"{LONG}x"]),
    "named": ("code", "http://example.org/named", CODES),
    "number": ("integer", None, [0, 1, 10, -1]),
    "amount": ("decimal", None, [1.5, 10.0, 0.25, 1e3, -1.0]),
    "yes": ("boolean", None, [True, False]),
    "when": ("dateTime", None, ["2020-01-01", "2020-01-02T10:00:00Z"]),
    "coded": ("Coding", None, [{"system": "http://example.org/x", "code": c} for c in "pq"]),
    "inactive": ("boolean", ROLE + "inactive", [True, False]),
    "abstract": ("boolean", ROLE + "notSelectable", [True, False]),
    "state": ("code", ROLE + "status", ["active", "retired", "deprecated"]),
}  # fmt: skip


def _choice(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


@st.composite
def concepts(draw: Any) -> list[Json]:
    """Some with parents among the earlier ones, in a list that may also be nested."""
    nodes: list[Json] = []
    for code in CODES[: draw(st.integers(1, len(CODES)))]:
        node: Json = {"code": code}
        if draw(st.booleans()):
            node["display"] = draw(_choice(*WORDS))
        if draw(st.booleans()):
            node["definition"] = draw(_choice(*WORDS))
        said = draw(st.lists(st.tuples(_choice(*LANGUAGES), _choice(*WORDS)), max_size=3))
        node["designation"] = [{"value": v} | ({"language": tag} if tag else {}) for tag, v in said]
        stated = draw(st.lists(_choice(*PROPERTIES), max_size=3))
        node["property"] = [_stated(name, draw(_choice(*PROPERTIES[name][2]))) for name in stated]
        parents = draw(st.lists(_choice(*CODES), max_size=2, unique=True))
        earlier = CODES[: CODES.index(code)]
        node["property"] += [{"code": "parent", "valueCode": p} for p in parents if p in earlier]
        if nodes and draw(st.booleans()) and not nodes[-1].get("concept"):
            nodes[-1]["concept"] = [node]
        else:
            nodes.append(node)
    return nodes


def _stated(name: str, value: Any) -> Json:
    type_ = PROPERTIES[name][0]
    return {"code": name, "value" + type_[0].upper() + type_[1:]: value}


@st.composite
def code_systems(draw: st.DrawFn) -> Json:
    declared = [{"code": c, "type": t} | ({"uri": u} if u else {}) for c, (t, u, _) in PROPERTIES.items()]
    document: Json = {"resourceType": "CodeSystem", "url": URL, "version": "1", "status": "active"}
    document |= {"content": "complete", "property": declared, "concept": draw(concepts())}
    document |= draw(_choice({}, {"caseSensitive": True}, {"caseSensitive": False}))
    more: Json = draw(_choice({}, {"language": "en"}, {"language": "de"}, {"hierarchyMeaning": "part-of"}))
    return {**document, **more}


@contextmanager
def both(document: Json) -> Iterator[tuple[DocumentCodeSystem, IndexedCodeSystem]]:
    with tempfile.TemporaryDirectory() as folder:
        yield DocumentCodeSystem(_read(document)), shelved(document, Path(folder)).system()


def _read(value: Any) -> Any:
    """As documents are read: with decimals."""
    if isinstance(value, dict):
        return {key: _read(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_read(inner) for inner in value]
    return Decimal(str(value)) if isinstance(value, float) else value


ASKED = [*PROPERTIES, "http://example.org/named", *"code concept display definition parent child".split()]
ASKED += [ROLE + "status", "notSelectable", "status", "nothing"]
OPS = [*"= in not-in regex exists is-a is-not-a descendent-of descendent-leaf generalizes".split()]
OPS += ["child-of", "other"]
VALUES = [*"A1 a1 a2 b-3 red 1.0 1.50 1000 1 -1.00 true false p retired active A1,a2 no".split()]
VALUES += ["1, 10.00", "red , Red", "[AaBb].*", ".*", "(", r"1\.5", LONG.strip(), f"{LONG}x", "2020-01-01"]
EVERY = list(product(ASKED, OPS, VALUES))
TEXTS = [
    "ast",
    "AST",
    "caf",
    "cafe noir",
    "bla 7",
    "7",
    "a1",
    "b",
    "stra",
    "strass",
    "leaf a",
    "x",
    "-",
    "a 3",
]
TONGUES = [None, "de", "en", "fr, de;q=0.5", "de-AT", "de, *;q=0", "it", "it, *;q=0"]


def codes_of(system: CodeSystem, *given: Any) -> list[str] | list[Issue]:
    """The codes chosen, or why there are none."""
    try:
        selection = system.select(*given)
        found = sorted(concept.code for concept in selection)
    except TerminologyError as refused:
        return refused.issues
    assert found == sorted(code for code in CODES if _has(system, code) and code in selection)
    return found


def _has(system: CodeSystem, code: str) -> bool:
    located = system.locate(code)
    return located is not None and located.code == code


@given(code_systems(), st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_every_filter_chooses_the_same(document: Json, chance: Random) -> None:
    with both(document) as (memory, store):
        for given_ in chance.sample(EVERY, 200):
            filters = [Filter(*given_)]
            assert codes_of(memory, filters) == codes_of(store, filters), given_


@given(code_systems())
@settings(max_examples=80)
def test_every_text_finds_the_same_in_every_language(document: Json) -> None:
    with both(document) as (memory, store):
        for text, tongue in product(TEXTS, TONGUES):
            languages = Languages.parse(tongue) if tongue else None
            found = codes_of(memory, (), text, languages)
            assert found == codes_of(store, (), text, languages), (text, tongue)
            assert found == plainly(document, text, languages), (text, tongue)


def plainly(document: Json, text: str, languages: Languages | None) -> list[str]:
    """The same in the plainest way: each word typed begins a word of what one can see.

    A text without a word, of punctuation alone, finds nothing; no text at all finds everything.
    """
    found: list[str] = []
    if text and not _words(text):
        return found
    for node in _flat(document["concept"]):
        said = [(None, node["code"])]
        said += [(document.get("language"), node[name]) for name in ("display",) if name in node]
        said += [(d.get("language"), d["value"]) for d in node["designation"]]
        speaks = languages is not None and any(languages.rank(tag) for tag, _ in said)
        if languages is not None and (languages.insist or speaks):
            said = [(tag, value) for tag, value in said if tag is None or languages.rank(tag)]
        words = _words(" ".join(value for _, value in said))
        if all(any(word.startswith(typed) for word in words) for typed in _words(text)):
            found.append(node["code"])
    return sorted(found)


def _flat(nodes: list[Json]) -> Iterator[Json]:
    for node in nodes:
        yield node
        yield from _flat(node.get("concept", []))


def _words(text: str) -> list[str]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", plain.casefold())


def told(system: CodeSystem, codes: list[str]) -> dict[str, ConceptDetail]:
    """What is known of codes; their children in no particular order."""
    known = system.describe(codes)
    return {
        code: ConceptDetail(
            d.designations, sorted(d.properties, key=lambda p: (p.code, str(p.value))), d.extension
        )
        for code, d in known.items()
    }


@given(code_systems())
@settings(max_examples=80)
def test_codes_are_located_described_and_subsumed_alike(document: Json) -> None:
    with both(document) as (memory, store):
        for code in [*CODES, "a1", "A2", "no", ""]:
            assert store.locate(code) == memory.locate(code)
            assert told(store, [code]) == told(memory, [code])
        known = {code: concept.display for code in [*CODES, "a1"] if (concept := memory.locate(code))}
        displays = {code: display for code, display in known.items() if display}
        for system in (memory, store, store):  # the second time from those that are kept
            assert system.displays([*CODES, "a1", "no", ""]) == displays
        present = [code for code in CODES if memory.locate(code)]
        assert told(store, present) == told(memory, present)
        for one, other in product(present, present):
            assert store.subsumes(one, other) is memory.subsumes(one, other)


# -- through supplements -------------------------------------------------------------------------

PACK: Json = {"resourceType": "CodeSystem", "url": f"{URL}-it", "supplements": URL, "status": "active",
              "content": "supplement", "language": "it"}  # fmt: skip


@st.composite
def supplements(draw: Any) -> Json:
    """What else is said of some of the concepts, in Italian or another language."""
    nodes: list[Json] = []
    for code in draw(st.lists(_choice(*CODES), min_size=1, max_size=3, unique=True)):
        said = draw(st.lists(st.tuples(_choice(None, "it", "de"), _choice(*WORDS)), max_size=2))
        node = {"code": code, "designation": [{"value": v} | ({"language": t} if t else {}) for t, v in said]}
        nodes.append(node | draw(_choice({}, {"display": "foglia"})))
    return PACK | {"concept": nodes}


@given(code_systems(), supplements())
@settings(max_examples=40)
def test_a_text_finds_the_same_through_supplements_wherever_they_are_kept(
    document: Json, supplement: Json
) -> None:
    with both(document) as (memory, store), both(supplement) as (pack, stored_pack):
        systems: list[CodeSystem] = [memory, store]
        packs: list[CodeSystem] = [pack, stored_pack]
        seen = [SupplementedCodeSystem(s, [p]) for s, p in product(systems, packs)]
        for text, tongue in product([*TEXTS, "foglia", "fog a"], TONGUES):
            languages = Languages.parse(tongue) if tongue else None
            first, *others = (codes_of(system, (), text, languages) for system in seen)
            assert all(found == first for found in others), (text, tongue)
            assert first == plainly(merged(document, supplement), text, languages), (text, tongue)


def merged(document: Json, supplement: Json) -> Json:
    """The code system with what the supplement says as further designations."""

    def more(code: str) -> list[Json]:
        same = (c for c in supplement["concept"] if c["code"] == code)
        return [
            said
            for concept in same
            for said in (
                *({"value": concept[n], "language": "it"} for n in ("display",) if n in concept),
                *concept["designation"],
            )
        ]

    def with_more(nodes: list[Json]) -> list[Json]:
        return [
            {
                **node,
                "designation": [*node["designation"], *more(node["code"])],
                "concept": with_more(node.get("concept", [])),
            }
            for node in nodes
        ]

    return {**document, "concept": with_more(document["concept"])}
