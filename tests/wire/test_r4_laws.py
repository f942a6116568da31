"""What comes up goes down as it was, and the reverse, whatever it is: the laws of ``terminology.wire.r4``."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from terminology.catalogue import concept_map
from terminology.core.model import Document
from terminology.wire import r4
from terminology.wire.crossversion import SHAPES, WORDS

EVERY_WORD = sorted(r4.RELATIONSHIP)
EVERY_RELATIONSHIP = sorted(set(r4.RELATIONSHIP.values()))

thorough = settings(max_examples=150, suppress_health_check=list(HealthCheck))


def there_and_back(
    document: Document, there: Callable[[Document], Document], back: Callable[[Document], Document]
) -> Document:
    """The document after both conversions, of which neither may change what it is given."""
    before = deepcopy(document)
    converted = there(document)
    between = deepcopy(converted)
    result = back(converted)
    assert (document, converted) == (before, between)
    return result


OWN = {"url": "http://example.org/own"}
texts = st.text(st.sampled_from("ab Z,é"), min_size=1, max_size=6)
codes = st.sampled_from(["a", "b", "c-1", "57520"])
uris = st.sampled_from(["http://x", "http://x/y", "urn:oid:1.2.3"])
canonicals = st.sampled_from(["http://x", "http://x/y|1.0"])
booleans = st.booleans()
extensions = st.lists(
    st.fixed_dictionaries({"url": st.just(OWN["url"]), "valueString": texts}), min_size=1, max_size=2
)
companions = st.fixed_dictionaries({"extension": extensions})


def some(required: dict[str, Any] | None = None, **optional: Any) -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries(required or {}, optional=optional)


def listed(items: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, min_size=1, max_size=3)


codings = some({"code": codes}, system=uris, display=texts, version=texts)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": texts,
    "markdown": texts,
    "code": codes,
    "uri": uris,
    "canonical": canonicals,
    "boolean": booleans,
    "date": st.dates().map(str),
    "dateTime": st.datetimes().map(lambda it: it.isoformat() + "Z"),
    "integer": st.integers(-5, 5),
    "decimal": st.decimals(-9, 9, places=2),
    "Coding": codings,
    "CodeableConcept": some({"text": texts}, coding=listed(codings)),
    "Period": some({"start": st.just("2024")}),
    "ContactDetail": some({"name": texts}),
    "Identifier": some({"value": texts}, system=uris),
    "Quantity": some({"value": st.decimals(-9, 9, places=2)}, unit=texts, system=uris),
    "Reference": some({"reference": st.just("ValueSet/x")}),
    "RelatedArtifact": some(
        {"type": st.sampled_from(["citation", *WORDS["RelatedArtifact.type"]])},
        label=texts,
        classifier=listed(some({"text": texts})),
        publicationStatus=codes,
        publicationDate=st.just("2024-01-01"),
    ),
}


@st.composite
def only_newer(draw: st.DrawFn, path: str, leave: tuple[str, ...] = ()) -> Document:
    """Some of the elements that only R5 has at this place."""
    node: Document = {}
    shape = SHAPES[path]
    for element in shape.elements:
        if element.name in leave or not draw(booleans):
            continue
        key, value_key = draw(
            st.sampled_from(
                [(key, value_key) for key, (its, value_key) in shape.by_key.items() if its is element]
            )
        )
        if element.is_backbone:
            value: st.SearchStrategy[Any] = only_newer(f"{path}.{element.name}").filter(bool)
        else:
            value = VALUES[next(t for t in VALUES if value_key.lower() == f"value{t}".lower())]
        node[key] = draw(listed(value) if element.repeats else value)
        if (
            not element.is_backbone
            and draw(st.integers(0, 4)) == 0
            and not isinstance(node[key], dict | list)
        ):
            node["_" + key] = draw(companions)
    if draw(st.integers(0, 4)) == 0:
        node["extension"] = draw(extensions)
    return node


@st.composite
def merged(draw: st.DrawFn, *strategies: st.SearchStrategy[Document]) -> Document:
    node: Document = {}
    for strategy in strategies:
        node |= draw(strategy)
    return node


def newer(
    path: str, base: st.SearchStrategy[Document], leave: tuple[str, ...] = ()
) -> st.SearchStrategy[Document]:
    return merged(base, only_newer(path, leave))


operators = st.sampled_from(["=", "is-a", "regex", "child-of", "descendent-leaf"])
older_operators = st.sampled_from(["=", "is-a", "regex"])
use = "ValueSet.compose.include.concept.designation"


def includes(
    op: st.SearchStrategy[str],
    designation: st.SearchStrategy[Document],
    whole: Callable[[st.SearchStrategy[Document]], st.SearchStrategy[Document]],
) -> Any:
    return whole(
        some(
            system=uris,
            version=texts,
            valueSet=listed(canonicals),
            concept=listed(some({"code": codes}, designation=listed(designation))),
            filter=listed(some({"property": codes, "op": op, "value": texts})),
        )
    )


def same(base: st.SearchStrategy[Document]) -> st.SearchStrategy[Document]:
    return base


def contains(
    designation: st.SearchStrategy[Document],
    whole: Callable[[st.SearchStrategy[Document]], st.SearchStrategy[Document]],
) -> Any:
    row = some({"code": codes}, system=uris, display=texts, designation=listed(designation))
    return st.recursive(
        whole(row), lambda inner: whole(merged(row, some({"contains": listed(inner)}))), max_leaves=4
    )


designations = some({"value": texts}, language=codes, use=codings)
newer_designations = newer(use, designations)
newer_includes = includes(operators, newer_designations, lambda it: newer("ValueSet.compose.include", it))
older_includes = includes(older_operators, designations, same)
canonical = {"url": uris, "status": st.just("draft")}

r5_value_sets = newer(
    "ValueSet",
    some(
        {"resourceType": st.just("ValueSet"), **canonical},
        version=texts,
        compose=newer(
            "ValueSet.compose", some({"include": listed(newer_includes)}, exclude=listed(newer_includes))
        ),
        expansion=newer(
            "ValueSet.expansion",
            some(
                {"timestamp": st.just("2024")},
                contains=listed(
                    contains(newer_designations, lambda it: newer("ValueSet.expansion.contains", it))
                ),
            ),
        ),
    ),
)
r4_value_sets = some(
    {"resourceType": st.just("ValueSet"), **canonical},
    version=texts,
    extension=extensions,
    compose=some({"include": listed(older_includes)}, exclude=listed(older_includes)),
    expansion=some({"timestamp": st.just("2024")}, contains=listed(contains(designations, same))),
)


def concepts(designation: st.SearchStrategy[Document]) -> Any:
    row = some({"code": codes}, display=texts, designation=listed(designation), extension=extensions)
    return st.recursive(row, lambda inner: merged(row, some({"concept": listed(inner)})), max_leaves=4)


def code_systems(op: st.SearchStrategy[str], designation: st.SearchStrategy[Document]) -> Any:
    return some(
        {"resourceType": st.just("CodeSystem"), **canonical},
        concept=listed(concepts(designation)),
        filter=listed(some({"code": codes, "operator": listed(op), "value": texts})),
    )


r5_code_systems = newer(
    "CodeSystem", code_systems(operators, newer("CodeSystem.concept.designation", designations))
)
r4_code_systems = code_systems(older_operators, designations)

properties = st.sampled_from(
    ["http://x/technique", "http://y/technique", "http://x#setting", "urn:oid:1.2", "free"]
)
r4_conditions = some(
    {"property": properties, "value": texts}, system=canonicals, display=texts, extension=extensions
)
r4_targets = some(
    {},
    equivalence=st.sampled_from(EVERY_WORD),
    code=codes,
    display=texts,
    comment=texts,
    extension=extensions,
    dependsOn=listed(r4_conditions),
    product=listed(r4_conditions),
)
r4_groups = some(
    source=uris,
    sourceVersion=codes,
    target=uris,
    targetVersion=codes,
    extension=extensions,
    element=listed(some(code=codes, target=listed(r4_targets), extension=extensions)),
    unmapped=st.one_of(
        some({"mode": st.just("provided")}),
        some({"mode": st.just("fixed"), "code": codes}, display=texts),
        some({"mode": st.just("other-map"), "url": canonicals}),
    ),
)
r4_concept_maps = st.one_of(
    *(
        some(
            {"resourceType": st.just("ConceptMap"), **canonical},
            identifier=VALUES["Identifier"],
            version=texts,
            extension=extensions,
            group=listed(r4_groups),
            **{f"source{type_}": uris, f"target{type_}": uris},
        )
        for type_ in ("Uri", "Canonical")
    )
)


@st.composite
def r5_targets(draw: st.DrawFn, attributes: list[Document]) -> Document:
    path = "ConceptMap.group.element.target"
    target = draw(
        newer(path, some({"relationship": st.sampled_from(EVERY_RELATIONSHIP)}, code=codes, comment=texts))
    )
    finer = [
        word
        for word, code in r4.RELATIONSHIP.items()
        if code == target["relationship"] and r4.equivalence(code) != word
    ]
    if draw(booleans) and finer:
        kept = {"url": concept_map.KEPT_WORD, "valueCode": draw(st.sampled_from(finer))}
        target["extension"] = [*target.get("extension", []), kept]
    for key in ("dependsOn", "product"):
        if draw(booleans) and attributes:
            target[key] = draw(listed(r5_conditions(attributes)))
    return target


@st.composite
def r5_conditions(draw: st.DrawFn, attributes: list[Document]) -> Document:
    attribute = draw(st.sampled_from(attributes))
    node: Document = {"attribute": attribute["code"]}
    if draw(st.integers(0, 3)) == 0:
        return node | {"valueSet": draw(canonicals)}
    type_ = attribute["type"]
    return node | {"value" + type_[0].upper() + type_[1:]: draw(VALUES[type_])}


@st.composite
def r5_elements(draw: st.DrawFn, attributes: list[Document]) -> Document:
    element = draw(newer("ConceptMap.group.element", some(code=codes), leave=("noMap",)))
    if draw(booleans):
        return element | {"noMap": draw(booleans)}
    return element | {"target": draw(listed(r5_targets(attributes)))}


@st.composite
def r5_concept_maps(draw: st.DrawFn) -> Document:
    types = st.sampled_from(["code", "Coding", "string", "boolean", "Quantity"])
    attributes = draw(
        st.lists(st.tuples(codes, types, some(description=texts)), max_size=3, unique_by=lambda it: it[0])
    )
    declared = [
        {"code": code, "uri": f"http://x/{code}", "type": type_, **rest} for code, type_, rest in attributes
    ]
    document = draw(
        newer(
            "ConceptMap",
            some(
                {"resourceType": st.just("ConceptMap"), **canonical},
                sourceScopeUri=uris,
                targetScopeCanonical=canonicals,
            ),
            leave=("additionalAttribute",),
        )
    )
    if declared:
        document["additionalAttribute"] = declared
    document["group"] = draw(
        listed(
            merged(
                some(source=canonicals, target=canonicals, element=listed(r5_elements(declared))),
                some(
                    unmapped=st.one_of(
                        newer(
                            "ConceptMap.group.unmapped",
                            some(
                                {
                                    "mode": st.sampled_from(["fixed", "use-source-code"]),
                                    "relationship": st.sampled_from(EVERY_RELATIONSHIP),
                                }
                            ),
                            leave=("relationship",),
                        ),
                        some({"mode": st.just("other-map"), "otherMap": canonicals}),
                    )
                ),
            )
        )
    )
    return document


@thorough
@given(st.one_of(r4_concept_maps, r4_value_sets, r4_code_systems))
def test_what_is_r5_already_is_left_by_upgrade(document: Document) -> None:
    newer = r4.upgrade(document)
    assert r4.upgrade(newer) == newer


@thorough
@given(st.one_of(r4_concept_maps, r4_value_sets, r4_code_systems))
def test_down_from_up_is_the_same(document: Document) -> None:
    assert there_and_back(document, r4.upgrade, r4.downgrade) == document


@thorough
@given(st.one_of(r5_concept_maps(), r5_value_sets, r5_code_systems))
def test_up_from_down_is_the_same(document: Document) -> None:
    assert there_and_back(document, r4.downgrade, r4.upgrade) == document


@thorough
@given(st.one_of(r5_concept_maps(), r5_value_sets, r5_code_systems))
def test_what_came_down_once_is_r4_and_survives_the_journey_up(document: Document) -> None:
    older = r4.downgrade(document)
    assert there_and_back(older, r4.upgrade, r4.downgrade) == older


JUNK = st.recursive(
    st.sampled_from([None, True, 1, "", "x", "|1", "unmatched", "child-of", concept_map.KEPT_WORD]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(["url", "code", "valueCode", "extension", "x"]), inner, max_size=3),
    ),
)


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of the JSON, with each key or index it has."""
    for key in list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
        yield node, key
        yield from places(node[key])


@st.composite
def damaged(draw: st.DrawFn, documents: st.SearchStrategy[Document]) -> Document:
    """A document in which something, anywhere, is something else."""
    document = deepcopy(draw(documents))
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(list(places(document))))
        container[key] = draw(JUNK)
    return document


translations = st.fixed_dictionaries(
    {
        "resourceType": st.just("Parameters"),
        "parameter": listed(
            some(
                {
                    "name": st.just("match"),
                    "part": listed(
                        some(
                            {
                                "name": st.sampled_from(
                                    ["relationship", "equivalence", "noMap", "originMap", "product"]
                                )
                            },
                            valueCode=st.sampled_from([*EVERY_WORD, *EVERY_RELATIONSHIP]),
                            valueBoolean=booleans,
                            part=listed(
                                some(
                                    {"name": st.sampled_from(["attribute", "value", "element", "concept"])},
                                    valueString=texts,
                                    valueCoding=codings,
                                    valueBoolean=booleans,
                                )
                            ),
                        )
                    ),
                }
            )
        ),
    }
)


def r4_target_in_r5() -> Document:
    """A map of R5 with a target in R4's shape, as broken software may write it."""
    element = {"code": "a", "target": [{"equivalence": "unmatched"}]}
    return {"resourceType": "ConceptMap", "group": [{"element": [element]}]}


@thorough
@example(r4_target_in_r5())
@given(damaged(st.one_of(r5_concept_maps(), r4_concept_maps, r5_value_sets, r5_code_systems, translations)))
def test_no_json_makes_it_fail_or_is_changed(document: Document) -> None:
    there_and_back(document, r4.downgrade, r4.upgrade)
    there_and_back(document, r4.upgrade, r4.downgrade)
    before = deepcopy(document)
    r4.downgrade_translation(document, names_source=True)
    assert document == before


def without_companions(node: Any) -> Any:
    """The JSON without such keys as ``_valueDate`` of an extension, for which the models have no place."""
    if isinstance(node, dict):
        return {key: without_companions(value) for key, value in node.items() if not key.startswith("_")}
    return [without_companions(item) for item in node] if isinstance(node, list) else node


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.one_of(r5_concept_maps(), r5_value_sets))
def test_the_models_of_r4b_accept_every_downgraded_resource(document: Document) -> None:
    """The models of R4B accept the downgrade of every resource that the models of R5 accept."""
    document = without_companions(json.loads(json.dumps(document, default=float)))
    try:
        model("", document["resourceType"]).model_validate(document)
    except ValueError:
        assume(False)
    model("R4B.", document["resourceType"]).model_validate(r4.downgrade(document))


def model(release: str, name: str) -> Any:
    return getattr(importlib.import_module(f"fhir.resources.{release}{name.lower()}"), name)
