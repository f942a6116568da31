"""Every answer is valid: by the models of its release, and by the OperationDefinition of its operation."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.conization import CPT, OURS, PCS, SCT
from tests.support.fhir_checks import against_bindings, against_constraints, against_models, core_resources

Json = dict[str, Any]
ROOTS = {"r4": "r4", "r4b": "r4", "r5": "r5"}

# What an answer has beyond the definition of its release, and why it may: unknown parts are ignored by
# clients.
BEYOND: dict[str, set[str]] = {
    # HL7's terminology ecosystem demands these; R5 has some of them, R4 none.
    "lookup": {"code", "system", "abstract", "definition", "used-supplement"},
    "lookup.designation": {"source"},
    # R5's parts on R4, the ecosystem's on both, and "via" of our own.
    "translate.match": {
        *("originMap", "dependsOn", "property", "noMap", "source"),
        *("sourceConcept", "sourceComment", "targetComment", "via"),
    },
}
ASKED = [
    f"CodeSystem/$lookup?system={CPT}&code=57520",
    f"CodeSystem/$lookup?system={OURS}&code=conization&displayLanguage=de",
    f"CodeSystem/$lookup?system={PCS}&code=0UBC7ZX&property=*",
    f"CodeSystem/$lookup?system={SCT}&code=54535009",
    f"ConceptMap/$translate?system={OURS}&code=conization",
    f"ConceptMap/$translate?system={CPT}&code=57460",
    f"ConceptMap/$translate?system={OURS}&code=conization&targetsystem=http://hl7.org/fhir/sid/icd-10-cm",
    f"ConceptMap/$translate?system={CPT}&code=57461&reverse=true&targetsystem={OURS}",
    f"ConceptMap/$translate?targetCode=57461&targetSystem={CPT}",
    f"ConceptMap/$translate?sourceSystem={OURS}&sourceCode=conization&targetSystem={CPT}",
    "ConceptMap/icd9-to-pcs-gem/$translate?code=67.2",
    f"ConceptMap/$translate?system={CPT}&code=99999",
]
RESOURCES = [
    "metadata",
    "metadata?mode=terminology",
    "$versions",
    "ConceptMap?_count=5",
    "CodeSystem?_summary=true",
]
FAILURES = [
    "CodeSystem/$lookup",
    f"CodeSystem/$lookup?system={CPT}&code=x",
    "nowhere",
    "ConceptMap/$translate?code=x",
]


def answered(client: FlaskClient, root: str, path: str) -> Json:
    return dict(client.get(f"/fhir/{root}/{path}").get_json())


@pytest.mark.parametrize("path", [*ASKED, *RESOURCES, *FAILURES])
@pytest.mark.parametrize("root", ROOTS)
def test_an_answer_is_valid_by_the_models_of_its_release(client: FlaskClient, root: str, path: str) -> None:
    assert against_models(ROOTS[root], answered(client, root, path)) == []


@pytest.mark.parametrize("path", ["metadata", "metadata?mode=terminology", *FAILURES[:1]])
@pytest.mark.parametrize("root", ROOTS)
def test_an_answer_keeps_the_constraints_and_bindings_of_its_definition(
    client: FlaskClient, root: str, path: str
) -> None:
    answer = answered(client, root, path)
    assert against_constraints(ROOTS[root], answer) == []
    if root != "r4b":  # the value sets here are those of 4.0.1 and 5.0.0, which do not know 4.3.0
        assert against_bindings(ROOTS[root], answer) == []


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("root", ROOTS)
def test_an_answer_has_the_parameters_of_its_OperationDefinition(
    client: FlaskClient, root: str, path: str
) -> None:
    if ROOTS[root] == "r4" and "targetCode" in path:
        pytest.skip("R5's way to ask, so R5's answer: its source is a Coding, where R4 has the map")
    answer = answered(client, root, path)
    assert list(faults(ROOTS[root], path, answer)) == []


def faults(release: str, path: str, answer: Json) -> Iterator[str]:
    kind, name = path.partition("?")[0].split("/")[0], path.partition("$")[2].partition("?")[0]
    definition = core_resources(release, "OperationDefinition")[
        f"http://hl7.org/fhir/OperationDefinition/{kind}-{name}"
    ]
    outs = [p for p in definition["parameter"] if p["use"] == "out"]
    yield from misfits(release, name, outs, answer["parameter"])


def misfits(release: str, place: str, defined: list[Json], given: list[Json]) -> Iterator[str]:
    by_name = {p["name"]: p for p in defined}
    counts = {p["name"]: 0 for p in defined}
    for parameter in given:
        name = parameter["name"]
        if name not in by_name:
            if name not in BEYOND.get(place, ()):
                yield f"{place}.{name} is not defined"
            continue
        counts[name] += 1
        inner = by_name[name].get("part")
        if inner:
            yield from misfits(release, f"{place}.{name}", inner, parameter["part"])
        elif not of_type(release, by_name[name], parameter):
            yield f"{place}.{name}: {parameter} is no {by_name[name].get('type')}"
    for name, count in counts.items():
        most = by_name[name]["max"]
        if count < by_name[name]["min"] or (most != "*" and count > int(most)):
            yield f"{place}.{name} stands {count} times"


def of_type(release: str, defined: Json, parameter: Json) -> bool:
    """Whether a parameter has the defined type: ``type``, or one of those that ``*`` and Element may be.

    R5 has the ecosystem's canonical for uri.
    """
    key = next((k for k in parameter if k.startswith("value")), "none")
    type_ = defined.get("type", "Element")
    wanted = {f"value{type_[:1].upper()}{type_[1:]}"}
    if type_ == "uri":
        wanted.add("valueCanonical")
    return type_ in ("Element", "*", "DataType") or key in wanted


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_the_check_against_the_definition_notices_what_is_wrong(client: FlaskClient, release: str) -> None:
    path = ASKED[4]
    answer = answered(client, release, path)
    spoilings: list[Callable[[Json], object]] = [
        lambda a: a["parameter"].pop(0),
        lambda a: a["parameter"].append(a["parameter"][0]),
        lambda a: a["parameter"][0].update(name="colour"),
        lambda a: a["parameter"][0].update(valueString=a["parameter"][0].pop("valueBoolean")),
        lambda a: a["parameter"][2]["part"][0].update(name="colour"),
    ]
    for spoil in spoilings:
        spoilt = copy.deepcopy(answer)
        spoil(spoilt)
        assert list(faults(release, path, spoilt)), "nothing was noticed"
