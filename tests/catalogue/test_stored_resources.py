"""A code system or map answers alike, whether it is a document or was imported into a store."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from terminology import Settings, Terminology, TerminologyError
from terminology.catalogue.concept_map import KEPT_WORD, NO_MAP_COMMENT, ConceptMap, ConceptMapRow
from terminology.catalogue.content import Content
from terminology.catalogue.protocol import Catalogue
from terminology.content.importers.fhir import FHIR
from terminology.core.model import Document, Filter
from terminology.opening import ServedContent, open_loader
from terminology.systems.document import DocumentCodeSystem
from terminology.systems.filters import COMPARISONS, HIERARCHY
from terminology.systems.metadata import CONCEPT_PROPERTIES, roles_of
from terminology.systems.protocol import CodeSystem
from terminology.wire import json
from tests.support.builders import body_of
from tests.support.reporters import CollectingReporter

URL = "http://example.org/CodeSystem/odd"
STATUS = "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status"


@contextmanager
def imported(*documents: Document) -> Iterator[Catalogue]:
    """The catalogue that serves nothing but a store with these."""
    with tempfile.TemporaryDirectory() as folder:
        for number, document in enumerate(documents):
            (Path(folder) / f"{number}.json").write_bytes(json.write(document))
        place = str(Path(folder) / "store")
        loader = open_loader(place)
        # A hierarchy of three codes may have three cycles.
        loader.load(FHIR, sorted(Path(folder).glob("*.json")), CollectingReporter(), most_problems=1_000)
        loader.close()
        serving = ServedContent(Settings(environment={}, data="", bundled=False, store=place), Content())
        yield serving.catalogue()
        serving.close()


# -- code systems --------------------------------------------------------------------------------

CODES = ["a", "B", "b", "é", "two words", "1", "x.y"]
ASKED = [*CODES, "A", "É", "Two Words", "X.Y", "nobody"]
TEXTS = ["Arm", "the arm", "", "Ärmel of it", "x" * 300]
EXTENSIONS: list[Document] = [
    {"url": STATUS, "valueCode": "deprecated"},
    {"url": STATUS, "valueCode": "withdrawn"},
    {"url": "http://example.org/weight", "valueDecimal": Decimal("1.50")},
    {"url": "http://example.org/nested", "extension": [{"url": "of", "valueDecimal": Decimal("0.10")}]},
]
PROPERTIES: list[Document] = [
    {"code": "parent", "valueCode": "a"},
    {"code": "under", "valueCode": "1"},
    {"code": "under", "valueCode": "A"},
    {"code": "subsumedBy", "valueCode": "B"},
    {"code": "child", "valueCode": "é"},
    {"code": "child", "valueCode": "É"},
    {"code": "status", "valueCode": "retired"},
    {"code": "state", "valueCode": "withdrawn"},
    {"code": "state", "valueCode": "active"},
    {"code": "inactive", "valueBoolean": True},
    {"code": "inactive", "valueBoolean": False},
    {"code": "notSelectable", "valueBoolean": True},
    {"code": "notSelectable", "valueBoolean": False},
    {"code": "like", "valueCode": "b"},
    {"code": "like", "valueCode": "nobody"},
    {"code": "like", "valueCode": "NOBODY"},
    {"code": "like", "valueCode": "B"},
    {"code": "song", "valueString": "x" * 300},
    {"code": "song", "valueString": "la"},
    {"code": "kin", "valueCoding": {"system": "urn:x", "code": "k", "display": "Kin"}},
    {"code": "since", "valueDateTime": "2020-01"},
    {"code": "undeclared", "valueString": "?"},
]
DECLARATIONS: list[Document] = [
    {"code": "under", "uri": CONCEPT_PROPERTIES + "parent", "type": "code"},
    {"code": "parent", "type": "code"},
    {"code": "parent", "uri": "http://example.org/other", "type": "code"},
    {"code": "child", "type": "code"},
    {"code": "state", "uri": CONCEPT_PROPERTIES + "status", "type": "code"},
    {"code": "inactive", "uri": "http://example.org/inactive", "type": "boolean"},
    {"code": "notSelectable", "type": "boolean"},
    {"code": "like", "uri": "http://example.org/like", "type": "code", "description": "What it is like."},
    {"code": "song", "type": "string"},
    {"code": "kin", "type": "Coding"},
    {"code": "since", "type": "dateTime"},
]
DESIGNATIONS: list[Document] = [
    {"value": "Arm"},
    {"value": "Bras", "language": "fr"},
    {"language": "de", "value": "Arm", "use": {"system": "urn:use", "code": "name"}},
    {"value": "Oberarm", "language": "de", "additionalUse": [{"code": "more"}]},
    {"value": "brachium", "extension": [EXTENSIONS[2]]},
]


def concepts(below: st.SearchStrategy[Document] | None = None) -> st.SearchStrategy[Document]:
    optional: dict[str, st.SearchStrategy[Any]] = {
        "display": st.sampled_from(TEXTS),
        "definition": st.sampled_from(TEXTS),
        "extension": st.lists(st.sampled_from(EXTENSIONS), min_size=1, max_size=2),
        "property": st.lists(st.sampled_from(PROPERTIES), min_size=1, max_size=4),
        "designation": st.lists(st.sampled_from(DESIGNATIONS), min_size=1, max_size=2),
    }
    if below is not None:
        optional["concept"] = st.lists(below, min_size=1, max_size=3)
    # In any order, as JSON may have them.
    shuffled = st.fixed_dictionaries({}, optional=optional).flatmap(
        lambda made: st.permutations([("code", None), *made.items()]).map(dict)
    )
    return shuffled


def code_systems() -> st.SearchStrategy[Document]:
    trees = st.recursive(concepts(), concepts, max_leaves=6)
    optional: dict[str, st.SearchStrategy[Any]] = {
        "caseSensitive": st.booleans(),
        "hierarchyMeaning": st.sampled_from(["is-a", "part-of"]),
        "language": st.just("en"),
        "valueSet": st.just("http://example.org/ValueSet/odd"),
        "count": st.just(1_000),
        "extension": st.just([EXTENSIONS[2]]),
        "property": st.lists(st.sampled_from(DECLARATIONS), unique_by=lambda p: p["code"]),
    }
    fixed: dict[str, st.SearchStrategy[Any]] = {
        "resourceType": st.just("CodeSystem"),
        "url": st.just(URL),
        "version": st.just("1"),
    }
    made = st.fixed_dictionaries({**fixed, "concept": st.lists(trees, max_size=4)}, optional=optional)
    return st.tuples(made, st.permutations(CODES)).map(lambda both: _with_codes(*both))


def _with_codes(document: Document, codes: list[str]) -> Document:
    """Each concept has a code of its own, whether case counts or not; those that are left over go."""
    if document.get("caseSensitive") is False:
        codes = [code for code in codes if code != "B"]
    left = iter(codes)

    def named(nodes: list[Document]) -> list[Document]:
        found = []
        for node, code in zip(nodes, left, strict=False):
            node = {name: code if name == "code" else value for name, value in node.items()}
            found.append(node | ({"concept": named(node["concept"])} if "concept" in node else {}))
        return found

    return {**document, "concept": named(document["concept"])}


FILTERS = [
    Filter(property_, op, value)
    for property_ in (
        *("concept", "code", "parent", "child", "under", "subsumedBy", "display", "definition", "status"),
        *("state", "inactive", "notSelectable", "like", "http://example.org/like", "song", "kin", "since"),
        *("undeclared", "nothing"),
    )
    for op in (*HIERARCHY, *COMPARISONS)
    for value in (
        "a",
        "b",
        "B",
        "A",
        "Nobody",
        "1, É",
        "true",
        "false",
        "retired, deprecated",
        "[a-l].*",
        "x+",
        "k",
    )
]


def said(system: CodeSystem, filter_: Filter) -> Any:
    """What is chosen, in its order, or why nothing can be."""
    try:
        selection = system.select([filter_])
        return [concept.code for concept in selection], [code for code in ASKED if code in selection]
    except TerminologyError as refusal:
        return [(issue.code, issue.text) for issue in refusal.issues]


@given(code_systems(), st.lists(st.sampled_from(FILTERS), min_size=15, max_size=30))
def test_a_stored_code_system_answers_as_its_document(document: Document, filters: list[Filter]) -> None:
    kept = DocumentCodeSystem(document)
    with imported(document) as catalogue:
        stored = catalogue.system(URL)
        assert stored.about.document == {n: v for n, v in document.items() if n != "concept"} | {
            "id": "odd-1"
        }
        assert list(stored.select()) == list(kept.select())
        for code in ASKED:
            assert stored.locate(code) == kept.locate(code)
            assert stored.describe([code]) == kept.describe([code])
        assert stored.describe(ASKED) == kept.describe(ASKED)
        there = [code for code in ASKED if kept.locate(code) is not None]
        for code in there:
            below = [other for other in there if stored.subsumes(code, other)]
            assert below == [other for other in there if kept.subsumes(code, other)]
        for asked in (f"{URL}?fhir_vs", f"{URL}?fhir_vs=isa/a", "http://example.org/ValueSet/odd"):
            assert stored.implied_value_set(asked) == kept.implied_value_set(asked)
        for filter_ in filters:
            assert said(stored, filter_) == said(kept, filter_), filter_


@given(code_systems())
@settings(max_examples=25)
def test_a_stored_code_system_is_read_as_what_it_was(document: Document) -> None:
    """Its concepts may be nested in another way: below a parent, or at the top with a property for each."""
    # Neither can $lookup tell a property "parent" that means something else from the parents.
    assume(roles_of(document).get("parent") == "parent" or b'"parent"' not in json.write(document["concept"]))
    kept = DocumentCodeSystem(document)
    with imported(document) as catalogue:
        (header,) = catalogue.headers("CodeSystem")
        whole = catalogue.whole(header)
        read = DocumentCodeSystem(whole)
        assert {n: v for n, v in whole.items() if n not in ("concept", "meta", "property")} == {
            n: v for n, v in header.items() if n != "property"
        }
        assert whole["meta"].keys() == {"versionId"}
        assert list(read.select()) == list(kept.select())
        assert read.describe(CODES) == kept.describe(CODES)
        there = [concept.code for concept in kept.select()]
        for start in range(len(there)):
            part = catalogue.whole(header, rows=range(start, start + 1))
            (only,) = part["concept"]
            assert only["code"] == there[start]


# -- maps ----------------------------------------------------------------------------------------

HERE, THERE, MAP = "http://example.org/here", "http://example.org/there", "http://example.org/ConceptMap/m"
WHOLE: Document = {
    "resourceType": "ConceptMap",
    "id": "m",
    "url": MAP,
    "version": "1",
    "status": "active",
    "additionalAttribute": [{"code": "size", "uri": "http://example.org/size", "type": "Quantity"}],
    "group": [
        {
            "source": HERE,
            "target": THERE,
            "element": [
                {"code": "a", "target": [{"code": "P", "relationship": "equivalent"}]},
                {
                    "valueSet": "http://example.org/ValueSet/few",
                    "target": [
                        {
                            "code": "Q",
                            "relationship": "related-to",
                            "product": [
                                {
                                    "attribute": "size",
                                    "valueQuantity": {"value": Decimal("2.50"), "unit": "mm"},
                                }
                            ],
                        }
                    ],
                },
            ],
        }
    ],
}
SETS: list[Document] = [
    {
        "resourceType": "ValueSet",
        "url": "http://example.org/ValueSet/few",
        "status": "active",
        "compose": {"include": [{"system": HERE, "concept": [{"code": "b"}, {"code": "c"}]}]},
    }
]


@pytest.mark.parametrize("along", [[], [{**WHOLE, "id": "other", "url": MAP + "2", "group": []}]])
@pytest.mark.parametrize("code", ["a", "b", "d"])
def test_a_stored_map_answers_as_the_resource_also_beside_sent_resources(
    code: str, along: list[Document]
) -> None:
    """The value set of a stored map says which codes it maps; the map is found beside sent resources."""
    body = body_of(
        {"name": "sourceCoding", "valueCoding": {"system": HERE, "code": code}},
        *({"name": "tx-resource", "resource": resource} for resource in [*SETS, *along]),
    )

    def translated(catalogue: Catalogue) -> bytes:
        try:
            return json.write(Terminology(catalogue=catalogue).ask("ConceptMap/$translate", body))
        except TerminologyError as refusal:
            return str(refusal).encode()

    with imported(WHOLE) as catalogue:
        assert translated(catalogue) == translated(Content([WHOLE]))
        assert (b"2.50" in translated(catalogue)) is (code == "b")


ENDS = ["a", "A", "67.2", "0672", "é b"]
ATTRIBUTES: list[Document] = [
    {"attribute": "size", "valueQuantity": {"value": Decimal("2.50"), "unit": "mm"}},
    {"attribute": "size", "valueCode": "large"},
    {"attribute": "unknown", "valueCoding": {"system": "urn:x", "code": "k"}},
    {"attribute": "of", "valueSet": "http://example.org/ValueSet/few"},
]
TARGETS = st.fixed_dictionaries(
    {"relationship": st.sampled_from(["equivalent", "related-to", "not-related-to"])},
    optional={
        "code": st.sampled_from(ENDS),
        "display": st.sampled_from(TEXTS),
        "comment": st.just("so"),
        "dependsOn": st.lists(st.sampled_from(ATTRIBUTES), min_size=1, max_size=2),
        "product": st.lists(st.sampled_from(ATTRIBUTES), min_size=1, max_size=2),
        "property": st.just([{"code": "p", "valueDecimal": Decimal("1.0")}]),
        "extension": st.just([{"url": KEPT_WORD, "valueCode": "subsumes"}]),
    },
)
ELEMENTS = st.one_of(
    st.fixed_dictionaries(
        {"code": st.sampled_from(ENDS)},
        optional={"display": st.sampled_from(TEXTS), "target": st.lists(TARGETS, min_size=1, max_size=3)},
    ),
    st.fixed_dictionaries(
        {"code": st.sampled_from(ENDS), "noMap": st.just(True)},
        optional={"extension": st.just([{"url": NO_MAP_COMMENT, "valueString": "no"}])},
    ),
    st.fixed_dictionaries(
        {"valueSet": st.just("http://example.org/ValueSet/few"), "target": st.lists(TARGETS, min_size=1)}
    ),
)
UNMAPPED: list[Document] = [{"mode": "fixed", "code": "P"}, {"mode": "other-map", "otherMap": MAP + "2"}]
GROUPS = st.fixed_dictionaries(
    {"element": st.lists(ELEMENTS, min_size=1, max_size=4)},
    optional={
        "source": st.sampled_from([HERE, HERE + "|1"]),
        "target": st.just(THERE),
        "unmapped": st.sampled_from(UNMAPPED),
    },
)


def plain(rows: Sequence[ConceptMapRow]) -> list[dict[str, Any]]:
    """Rows to be compared, whatever their lists are made of."""
    fields = [{name: getattr(row, name) for name in ConceptMapRow.__slots__} for row in rows]
    return [{name: list(v) if isinstance(v, tuple) else v for name, v in row.items()} for row in fields]


@given(st.lists(GROUPS, max_size=3))
def test_a_stored_map_has_the_rows_of_its_document(groups: list[Document]) -> None:
    document = {**WHOLE, "property": [{"code": "p", "uri": "http://example.org/p"}], "group": groups}
    kept = ConceptMap(document)
    with imported(document) as catalogue:
        stored = catalogue.concept_map(MAP)
        assert stored.document == {name: value for name, value in document.items() if name != "group"}
        assert len(stored.groups) == len(kept.groups)
        for mine, other in zip(stored.groups, kept.groups, strict=True):
            assert (mine.source, mine.target, mine.unmapped) == (other.source, other.target, other.unmapped)
            assert [plain(rows) for _, rows in mine.by_value_set] == [plain(r) for _, r in other.by_value_set]
            for code in ENDS:
                assert plain(mine.forward.of(code)) == plain(other.forward.of(code))
                assert plain(mine.backward.of(code)) == plain(other.backward.of(code))
                assert (code in mine.forward) is (code in other.forward)
                assert sorted(mine.forward.spelled_like(code)) == sorted(other.forward.spelled_like(code))


SCOPES = st.sampled_from(["sourceScopeUri", "sourceScopeCanonical", None])


@given(st.lists(GROUPS, max_size=3), SCOPES)
@settings(max_examples=25)
def test_a_stored_map_is_read_as_what_it_was(groups: list[Document], scope: str | None) -> None:
    """Neighbouring elements of one code are one, and those of whole value sets come last."""
    document = {**WHOLE, "property": [{"code": "p", "uri": "http://example.org/p"}], "group": groups}
    if scope is not None:
        document |= {scope: "http://example.org/ValueSet/few", scope.replace("source", "target"): "urn:x"}
    kept = ConceptMap(document)
    with imported(document) as catalogue:
        (header,) = catalogue.headers("ConceptMap")
        whole = catalogue.whole(header)
        read = ConceptMap(whole)
        declared = whole.pop("additionalAttribute")
        assert document["additionalAttribute"] == declared[:1]
        assert {d["code"] for d in declared} >= {c for group in groups for c in conditions(group)}
        elements = {n: v for n, v in document.items() if n not in ("group", "additionalAttribute")}
        assert {n: v for n, v in whole.items() if n not in ("group", "meta")} == elements
        assert len(read.groups) == len(kept.groups)
        for mine, other in zip(read.groups, kept.groups, strict=True):
            assert (mine.source, mine.target, mine.unmapped) == (other.source, other.target, other.unmapped)
            assert [plain(rows) for _, rows in mine.by_value_set] == [plain(r) for _, r in other.by_value_set]
            for code in ENDS:
                assert plain(mine.forward.of(code)) == plain(other.forward.of(code))
                assert plain(mine.backward.of(code)) == plain(other.backward.of(code))
                assert (code in mine.forward) is (code in other.forward)


def conditions(group: Document) -> list[str]:
    """The attributes of the conditions of a group."""
    targets = (t for element in group["element"] if "code" in element for t in element.get("target", ()))
    return [condition["attribute"] for target in targets for condition in target.get("dependsOn", ())]
