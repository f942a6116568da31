"""Small worlds of concept maps drawn at random, and questions about them, for the laws of ``$translate``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from terminology.core.model import Document
from tests.support.builders import BASE, code_system, url_of, value_set

HERE, THERE, BEYOND = f"{BASE}/here", f"{BASE}/there", f"{BASE}/beyond"
CODES = {HERE: ("a", "A", "b", "c"), THERE: ("P", "Q", "p"), BEYOND: ("x", "y")}
MAPS = tuple(url_of(name, "ConceptMap/") for name in ("m0", "m1", "m2"))
RELATIONSHIPS = (
    "equivalent",
    "source-is-narrower-than-target",
    "source-is-broader-than-target",
    "related-to",
    "not-related-to",
)
ATTRIBUTES = {"site": f"{BASE}/site", "technique": f"{BASE}/technique"}
ONE_WAY = f"{BASE}/StructureDefinition/concept-map-one-way"
SETS = {name: url_of(name, "vs/") for name in ("few", "some", "none", "both")}
SCOPES = tuple(SETS.values())


@dataclass
class Question:
    """What is asked of ``$translate``: a code of one end, and what bounds the answer.

    ``facts`` are the dependencies, by attribute. ``backward``: the code is a target, and sources are sought.
    """

    system: str
    code: str
    map: str | None = None
    near_scope: str | None = None
    far_scope: str | None = None
    far_system: str | None = None
    facts: dict[str, str] = field(default_factory=dict)
    backward: bool = False


@st.composite
def systems(draw: st.DrawFn, url: str, codes: tuple[str, ...]) -> Document:
    case = draw(st.sampled_from([{}, {"caseSensitive": True}, {"caseSensitive": False}]))
    kept = codes if case == {"caseSensitive": True} or draw(st.booleans()) else codes_but_for_case(codes)
    return code_system(
        url, *(kept if case != {"caseSensitive": False} else codes_but_for_case(codes)), **case
    )


def codes_but_for_case(codes: tuple[str, ...]) -> tuple[str, ...]:
    """The codes without those that differ from an earlier one in case only."""
    return tuple({code.lower(): code for code in reversed(codes)}.values())[::-1]


def conditions() -> st.SearchStrategy[list[Document]]:
    one = st.builds(
        lambda name, code: {"attribute": name, "valueCode": code},
        st.sampled_from(list(ATTRIBUTES)),
        st.sampled_from(["u", "v"]),
    )
    return st.lists(one, min_size=1, max_size=2, unique_by=lambda it: tuple(it.values()))


@st.composite
def targets(draw: st.DrawFn, system: str, sets: bool) -> Document:
    """A target: mostly a code, sometimes a value set."""
    node: Document = {"code": draw(st.sampled_from(codes_but_for_case(CODES[system])))}
    if sets and draw(st.integers(0, 5)) == 5:
        node = {"valueSet": SETS[draw(st.sampled_from(["some", "none", "both"]))]}
    node["relationship"] = draw(st.sampled_from(RELATIONSHIPS))
    for name in ("dependsOn", "product"):
        if draw(st.integers(0, 3)) == 3:
            node[name] = draw(conditions())
    return node


@st.composite
def elements(draw: st.DrawFn, code: str, system: str, sets: bool) -> Document:
    """What a group says of a code: targets, that there is none, or nothing; or of a value set."""
    kind = draw(st.sampled_from(["targets"] * 6 + ["no map", "nothing", *(["value set"] if sets else [])]))
    node: Document = {"valueSet": SETS["few"]} if kind == "value set" else {"code": code}
    if kind == "no map":
        node["noMap"] = True
    elif kind != "nothing":
        drawn = draw(st.lists(targets(system, sets), min_size=1, max_size=3))
        node["target"] = list({repr(target): target for target in drawn}.values())
    return node


@st.composite
def unmapped(draw: st.DrawFn, system: str, others: tuple[str, ...], sets: bool) -> Document:
    modes = ["use-source-code", "fixed", *(["fixed set"] if sets and system == THERE else [])]
    mode = draw(st.sampled_from([*modes, *(["other-map"] if others else [])]))
    if mode == "other-map":
        return {"mode": mode, "otherMap": draw(st.sampled_from(others))}
    more: Document = {"mode": mode.split()[0]}
    if mode == "fixed":
        more["code"] = draw(st.sampled_from(CODES[system]))
    if mode == "fixed set":
        more["valueSet"] = SETS["some"]
    if sets and draw(st.booleans()):
        more["relationship"] = draw(st.sampled_from(RELATIONSHIPS))
    return more


@st.composite
def groups(draw: st.DrawFn, source: str, others: tuple[str, ...], sets: bool) -> Document:
    target = draw(st.sampled_from([system for system in (THERE, BEYOND) if system != source]))
    codes = draw(st.lists(st.sampled_from(CODES[source]), min_size=1, max_size=3, unique_by=str.lower))
    group: Document = {
        "source": source,
        "target": target,
        "element": [draw(elements(code, target, sets)) for code in codes],
    }
    if draw(st.booleans()):
        group["unmapped"] = draw(unmapped(target, others, sets))
    return group


@st.composite
def concept_maps(draw: st.DrawFn, url: str, others: tuple[str, ...], sets: bool) -> Document:
    """A map of one or two groups, in R5's words; sometimes one that must not be turned round."""
    source = draw(st.sampled_from([HERE, HERE, HERE, THERE]))
    document: Document = {
        "resourceType": "ConceptMap",
        "url": url,
        "status": "active",
        "additionalAttribute": [
            {"code": code, "uri": uri, "type": "code"} for code, uri in ATTRIBUTES.items()
        ],
        "group": draw(st.lists(groups(source, others, sets), min_size=1, max_size=2)),
    }
    if draw(st.integers(0, 3)) == 3:
        document["extension"] = [{"url": ONE_WAY, "valueBoolean": True}]
    return document


def value_sets() -> list[Document]:
    """Two codes of HERE; two of THERE; none; and some of every system."""
    few: Document = {"system": HERE, "concept": [{"code": "a"}, {"code": "b"}]}
    some: Document = {"system": THERE, "concept": [{"code": "P"}, {"code": "Q"}]}
    return [
        value_set("few", few),
        value_set("some", some),
        value_set("none", some, exclude=[some]),
        value_set("both", few, {"system": THERE, "concept": [{"code": "Q"}]}, {"system": BEYOND}),
    ]


@st.composite
def map_worlds(draw: st.DrawFn, sets: bool = True) -> list[Document]:
    """Three code systems, four value sets, and maps of which each may lead to those before.

    Without ``sets`` the maps have what R4 has, too: no value sets, and no relationship for unmapped codes.
    """
    documents = [draw(systems(url, codes)) for url, codes in CODES.items()] + value_sets()
    for place in range(draw(st.integers(1, len(MAPS)))):
        documents.append(draw(concept_maps(MAPS[place], MAPS[:place], sets)))
    return documents


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """A question about a world of maps."""

    def perhaps(values: Any) -> Any:
        return draw(st.sampled_from(values)) if draw(st.integers(0, 2)) == 2 else None

    backward = draw(st.booleans())
    system = draw(st.sampled_from([THERE, BEYOND] if backward else [HERE, HERE, THERE]))
    return Question(
        system=system,
        code=draw(st.sampled_from(CODES[system])),
        map=perhaps(MAPS),
        near_scope=perhaps(SCOPES),
        far_scope=perhaps(SCOPES),
        far_system=perhaps([HERE, THERE] if backward else [THERE, BEYOND]),
        facts=draw(
            st.dictionaries(st.sampled_from(list(ATTRIBUTES)), st.sampled_from(["u", "v"]), max_size=1)
        ),
        backward=backward,
    )


# -- R4 ------------------------------------------------------------------------------------------

# https://hl7.org/fhir/R4/valueset-concept-map-equivalence.html: R4 says what the target is, R5 what the source is.
IN_R4 = {
    "equivalent": "equivalent",
    "source-is-narrower-than-target": "wider",
    "source-is-broader-than-target": "narrower",
    "related-to": "relatedto",
    "not-related-to": "disjoint",
}


def in_r4(document: Document) -> Document:
    """A map as an author of R4 writes it: https://hl7.org/fhir/R4/conceptmap-definitions.html"""
    if document["resourceType"] != "ConceptMap":
        return document
    groups = [
        {**group, "element": [_element_in_r4(e) for e in group["element"]]} for group in document["group"]
    ]
    for group in groups:
        if "unmapped" in group:
            group["unmapped"] = _unmapped_in_r4(group["unmapped"])
    return {**{n: v for n, v in document.items() if n != "additionalAttribute"}, "group": groups}


def _element_in_r4(element: Document) -> Document:
    if element.get("noMap"):
        return {"code": element["code"], "target": [{"equivalence": "unmatched"}]}
    if "target" not in element:
        return element
    return {"code": element["code"], "target": [_target_in_r4(target) for target in element["target"]]}


def _target_in_r4(target: Document) -> Document:
    made: Document = {"code": target["code"], "equivalence": IN_R4[target["relationship"]]}
    for name in ("dependsOn", "product"):
        if name in target:
            made[name] = [
                {"property": ATTRIBUTES[one["attribute"]], "value": one["valueCode"]} for one in target[name]
            ]
    return made


def _unmapped_in_r4(rule: Document) -> Document:
    if rule["mode"] == "other-map":
        return {"mode": "other-map", "url": rule["otherMap"]}
    return {**rule, "mode": "provided" if rule["mode"] == "use-source-code" else rule["mode"]}
