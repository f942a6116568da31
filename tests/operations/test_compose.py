"""What a ValueSet's definition means: one code asked of it, and the versions that a request pins."""

from __future__ import annotations

from typing import Any

import pytest

from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import TerminologyError, UnknownImportError
from terminology.operations.value_set.compose import definition_of
from terminology.operations.value_set.resolution import find_supplements, find_value_set
from terminology.operations.value_set.version_pins import Pins, VersionChoice, VersionParameters
from tests.support.builders import code_system, value_set
from tests.support.engine import catalogue_of

Json = dict[str, Any]

COLOURS = "http://example.org/colours"
SIZES = "http://example.org/sizes"


def colours(version: str, *codes: str) -> Json:
    return code_system(COLOURS, *codes, version=version)


SIZE_SYSTEM = {
    "resourceType": "CodeSystem",
    "url": SIZES,
    "status": "active",
    "content": "complete",
    "caseSensitive": False,
    "concept": [
        {"code": "Any", "concept": [{"code": "Small"}, {"code": "Large", "concept": [{"code": "Huge"}]}]},
        {"code": "Old", "property": [{"code": "status", "valueCode": "retired"}]},
    ],
}


def vs(*include: Json, **more: Any) -> Json:
    return value_set("x", *include, **more)


def of_colours(version: str | None = None) -> Json:
    return {"system": COLOURS} | ({"version": version} if version else {})


def listed(*codes: str, system: str = COLOURS, **more: Any) -> Json:
    return {"system": system, "concept": [{"code": code} for code in codes], **more}


def imported(*names: str) -> Json:
    return {"valueSet": [f"http://example.org/vs/{name}" for name in names]}


def is_a(code: str) -> Json:
    return {"system": SIZES, "filter": [{"property": "concept", "op": "is-a", "value": code}]}


def versions_match(said: str) -> Json:
    url = "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter"
    name, value = {"url": "name", "valueCode": "versionsMatch"}, {"url": "value", "valueString": said}
    return {"url": url, "extension": [name, value]}


CATALOGUE = catalogue_of(
    [
        colours("1.0.0", "red", "blue"),
        colours("1.2.0", "red", "green"),
        SIZE_SYSTEM,
        value_set("warm", listed("red"), version="1"),
        value_set("warm", listed("red", "green"), version="2"),
        value_set("cold", listed("blue", "green")),
        value_set("circle-1", imported("circle-2")),
        value_set("circle-2", of_colours(), exclude=[imported("circle-1")]),
        value_set("lost", imported("nowhere")),
    ]
)


def holds(definition: Json, system: str, code: str, version: str | None = None) -> bool:
    return definition_of(CATALOGUE, definition).contains(system, code, version)


WARM_AND_COLD = imported("warm", "cold")
MEMBERSHIP = [
    ("all of a code system is in", vs(of_colours()), COLOURS, "green", True),
    ("the best version is meant when none is declared", vs(of_colours()), COLOURS, "blue", False),
    ("a version that is declared is meant", vs(of_colours("1.0.0")), COLOURS, "blue", True),
    ("a wildcard means the best that fits", vs(of_colours("1.0.x")), COLOURS, "blue", True),
    ("an enumeration is all there is", vs(listed("red")), COLOURS, "green", False),
    ("a code of another code system is not in", vs(of_colours()), SIZES, "red", False),
    ("an include matches when any include does", vs(listed("red"), is_a("Any")), SIZES, "Huge", True),
    ("all parts of an include must hold", vs(listed("red") | imported("cold")), COLOURS, "red", False),
    ("what a code system does not have cannot be listed", vs(listed("blue")), COLOURS, "blue", False),
    ("an import alone is all of it", vs(imported("warm")), COLOURS, "green", True),
    ("several imports of one include must all hold", vs(WARM_AND_COLD), COLOURS, "red", False),
    ("what all imports have is in", vs(WARM_AND_COLD), COLOURS, "green", True),
    ("an exclude takes out", vs(of_colours(), exclude=[listed("red")]), COLOURS, "red", False),
    ("an exclude takes out no more", vs(of_colours(), exclude=[listed("red")]), COLOURS, "green", True),
    ("an excluded import takes out", vs(of_colours(), exclude=[imported("warm")]), COLOURS, "red", False),
    ("codes are compared as the code system says", vs(is_a("any")), SIZES, "SMALL", True),
    ("listed codes are, too", vs(listed("LARGE", system=SIZES)), SIZES, "large", True),
    ("inactive codes are in", vs({"system": SIZES}), SIZES, "Old", True),
    ("unless compose.inactive is false", vs({"system": SIZES}, compose={"inactive": False}), SIZES, "Old", False),
    ("nor are they let in by an import", vs({"valueSet": ["#in"]}, compose={"inactive": False}, contained=[
        value_set("in", {"system": SIZES}, id="in")]), SIZES, "Old", False),
    ("a contained value set is meant by #id",
     vs({"valueSet": ["#in"]}, contained=[value_set("in", listed("red"), id="in")]),
     COLOURS, "red", True),
    ("a value set without compose is its expansion",
     {"resourceType": "ValueSet", "expansion": {"contains": [
         {"code": "group", "contains": [{"system": COLOURS, "code": "red"}]}]}},
     COLOURS, "red", True),
    ("a compose is stronger than an expansion",
     vs(listed("red"), expansion={"contains": [{"system": COLOURS, "code": "green"}]}),
     COLOURS, "green", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("definition", "system", "code", "expected"),
    [row[1:] for row in MEMBERSHIP],
    ids=[row[0] for row in MEMBERSHIP],
)
def test_a_code_is_in_the_value_set_or_not(definition: Json, system: str, code: str, expected: bool) -> None:
    assert holds(definition, system, code) is expected


BOTH = (of_colours("1.0.0"), of_colours("1.2.0"))


@pytest.mark.parametrize(
    ("definition", "version", "code", "expected"),
    [
        (vs(*BOTH), "1.0.0", "blue", True),
        (vs(*BOTH), "1.2.0", "blue", False),
        (vs(*BOTH, exclude=[of_colours("1.0.0")]), "1.2.0", "red", True),
        (vs(*BOTH, exclude=[of_colours("1.0.0")]), "1.0.0", "red", False),
        (vs(BOTH[1], exclude=[of_colours("1.0.0")]), "1.2.0", "red", False),
        (vs(BOTH[1], exclude=[of_colours("1.0.0")], compose={"extension": [versions_match("false")]}),
         "1.2.0", "red", True),
        (vs(*BOTH, exclude=[of_colours("1.0.0")], compose={"extension": [versions_match("true")]}),
         "1.2.0", "red", False),
    ],
)  # fmt: skip
def test_versions_matter_if_several_are_included_or_the_set_says_so(
    definition: Json, version: str, code: str, expected: bool
) -> None:
    """Versions are distinguished if several are included, or if the value set says so."""
    assert holds(definition, COLOURS, code, version) is expected


def test_a_block_says_which_code_system_it_found_and_why() -> None:
    pins = Pins.of(VersionParameters(check_system_version=[f"{COLOURS}|1.0.x"]))
    free, fixed = definition_of(CATALOGUE, vs(of_colours(), of_colours("1.2.0")), pins).includes
    assert (free.version, free.choice.reason, free.is_allowed) == ("1.0.0", "check", True)
    assert (fixed.version, fixed.choice.reason, fixed.is_allowed) == ("1.2.0", "declared", False)
    assert fixed.path == "ValueSet.compose.include[1]"


def test_a_code_system_that_is_not_here_leaves_its_enumeration() -> None:
    [block] = definition_of(CATALOGUE, vs(listed("a", system="http://example.org/none"))).includes
    assert block.is_absent
    assert block.contains("a") and not block.contains("b")


def test_an_import_that_is_not_here_is_said_with_its_url() -> None:
    with pytest.raises(UnknownImportError) as error:
        definition_of(CATALOGUE, find_value_set(CATALOGUE, "http://example.org/vs/lost"))
    assert error.value.url == "http://example.org/vs/nowhere"


def test_a_value_set_that_includes_itself_is_refused_with_the_way_round() -> None:
    with pytest.raises(TerminologyError) as error:
        definition_of(CATALOGUE, find_value_set(CATALOGUE, "http://example.org/vs/circle-1"))
    way = "http://example.org/vs/circle-1, http://example.org/vs/circle-2"
    assert error.value.issues[0].text.endswith(f"pathway [{way}]")
    assert error.value.issues[0].message_id == "VALUESET_CIRCULAR_REFERENCE"


def chain(length: int, width: int) -> Catalogue:
    """Value sets that each import the next, some times over."""
    sets = [value_set(f"chain-{n}", *[imported(f"chain-{n + 1}")] * width) for n in range(length)]
    return catalogue_of([colours("1", "red"), *sets, value_set(f"chain-{length}", of_colours())])


def test_value_sets_that_import_each_other_are_asked_once_each() -> None:
    """Value sets that import each other over and over are asked once each."""
    catalogue = chain(length=40, width=3)
    definition = definition_of(catalogue, find_value_set(catalogue, "http://example.org/vs/chain-0"))
    assert definition.contains(COLOURS, "red")
    assert len(list(definition.all_imports())) == 40


def test_a_long_chain_of_imports_is_refused() -> None:
    catalogue = chain(length=200, width=1)
    with pytest.raises(TerminologyError, match="more than 50 levels deep"):
        definition_of(catalogue, find_value_set(catalogue, "http://example.org/vs/chain-0"))


# -- pins ----------------------------------------------------------------------------------------

SYSTEM_PINS = [
    ("nobody says anything: the latest", {}, None, VersionChoice()),
    ("what is declared is meant", {}, "1", VersionChoice("1", "declared", "1")),
    ("system-version is a default", {"system_version": ["u|2"]}, None, VersionChoice("2", "default")),
    ("a default does not move what is declared", {"system_version": ["u|2"]}, "1", VersionChoice("1", "declared", "1")),
    ("check-system-version is a default, too", {"check_system_version": ["u|2.x"]}, None,
     VersionChoice("2.x", "check", None, "2.x")),
    ("and is demanded of what is declared", {"check_system_version": ["u|2.x"]}, "1",
     VersionChoice("1", "declared", "1", "2.x")),
    ("force-system-version moves what is declared", {"force_system_version": ["u|2"]}, "1",
     VersionChoice("2", "force", "1")),
    ("a pin of another code system is none", {"force_system_version": ["v|2"]}, "1",
     VersionChoice("1", "declared", "1")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "declared", "expected"),
    [row[1:] for row in SYSTEM_PINS],
    ids=[row[0] for row in SYSTEM_PINS],
)
def test_a_request_pins_the_versions_of_code_systems(
    parameters: dict[str, list[str]], declared: str | None, expected: VersionChoice
) -> None:
    assert Pins.of(VersionParameters(**parameters)).system("u", declared) == expected


@pytest.mark.parametrize(
    ("parameters", "reference", "version"),
    [
        ({}, "http://example.org/vs/warm", "2"),
        ({}, "http://example.org/vs/warm|1", "1"),
        ({"default_valueset_version": ["http://example.org/vs/warm|1"]}, "http://example.org/vs/warm", "1"),
        ({"default_valueset_version": ["http://example.org/vs/warm|1"]}, "http://example.org/vs/warm|2", "2"),
        ({"force_valueset_version": ["http://example.org/vs/warm|1"]}, "http://example.org/vs/warm|2", "1"),
        ({"check_valueset_version": ["http://example.org/vs/warm|1"]}, "http://example.org/vs/warm", "1"),
    ],
)
def test_a_request_pins_the_versions_of_value_sets(
    parameters: dict[str, list[str]], reference: str, version: str
) -> None:
    pins = Pins.of(VersionParameters(**parameters))
    assert find_value_set(CATALOGUE, reference, None, pins)["version"] == version


def test_a_value_set_in_a_version_that_a_check_forbids_is_refused() -> None:
    pins = Pins.of(VersionParameters(check_valueset_version=["http://example.org/vs/warm|1"]))
    with pytest.raises(TerminologyError, match="required to be '1' by a version-check parameter"):
        find_value_set(CATALOGUE, "http://example.org/vs/warm|2", None, pins)


@pytest.mark.parametrize("canonicals", [["u"], ["u|1", "u|2"]])
def test_a_pin_names_one_version(canonicals: list[str]) -> None:
    with pytest.raises(TerminologyError):
        Pins.of(VersionParameters(system_version=canonicals))


def test_a_supplement_that_is_needed_must_be_here() -> None:
    url = "http://hl7.org/fhir/StructureDefinition/valueset-supplement"
    needy = vs(of_colours()) | {"extension": [{"url": url, "valueCanonical": "http://example.org/s"}]}
    with pytest.raises(TerminologyError, match="Required supplement not found: http://example.org/s"):
        find_supplements(CATALOGUE, needy)


def test_what_a_release_of_fhir_publishes_is_meant_in_its_version() -> None:
    own = {"resourceType": "CodeSystem", "url": "http://hl7.org/fhir/own", "content": "complete"}
    catalogue = catalogue_of([{**own, "version": version} for version in ("4.0.1", "5.0.0")])
    for release, version in (("4.0.1", "4.0.1"), ("4.3.0", "4.0.1"), ("5.0.0", "5.0.0"), ("6.0.0", "5.0.0")):
        found = catalogue.for_fhir(release).find_system("http://hl7.org/fhir/own")
        assert found is not None and found.about.version == version
    declared = catalogue.for_fhir("4.0.1").find_system("http://hl7.org/fhir/own", "5.0.0")
    assert declared is not None and declared.about.version == "5.0.0"


@pytest.mark.parametrize("reference", ["http://example.org/vs/mine", "http://example.org/vs/mine|3"])
def test_a_sent_value_set_that_imports_itself_is_a_circle_not_unknown(reference: str) -> None:
    """A value set that came with the request and imports itself is a circle, and not unknown."""
    mine = value_set("mine", {"valueSet": [reference]}, version="3")
    with pytest.raises(TerminologyError) as circle:
        definition_of(CATALOGUE, mine)
    assert circle.value.issues[0].message_id == "VALUESET_CIRCULAR_REFERENCE"
