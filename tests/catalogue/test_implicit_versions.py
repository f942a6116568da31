"""Implicit value sets of a code system that is here in several versions: which of them answers?"""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology
from terminology.catalogue.content import Content
from terminology.core.errors import TerminologyError
from tests.support.builders import code_system, concept

URL = "http://example.org/seasons"
WHOLE = "http://example.org/ValueSet/seasons"
CODES = {"2024": ["spring", "autumn", "mud"], "2026": ["spring", "autumn", "smoke"]}


def season(version: str, **more: Any) -> dict[str, Any]:
    codes = (concept(code, None, concept(f"late-{code}")) for code in CODES[version])
    return code_system(URL, *codes, version=version, **{"valueSet": WHOLE, **more})


@pytest.fixture(scope="module")
def terminology() -> Terminology:
    return Terminology(catalogue=Content([season("2024"), season("2026")]))


def codes(expansion: dict[str, Any]) -> list[str]:
    return [node["code"] for node in expansion["expansion"]["contains"]]


def expanded(version: str) -> list[str]:
    return [code for each in CODES[version] for code in (each, f"late-{each}")]


ASKED: dict[str, tuple[dict[str, Any], str]] = {
    "system-version": ({"url": f"{URL}?fhir_vs", "system-version": f"{URL}|2024"}, "2024"),
    "check-system-version": ({"url": f"{URL}?fhir_vs", "check-system-version": f"{URL}|2024"}, "2024"),
    "force-system-version": ({"url": f"{URL}?fhir_vs", "force-system-version": f"{URL}|2024"}, "2024"),
    "valueSetVersion": ({"url": f"{URL}?fhir_vs", "valueSetVersion": "2024"}, "2024"),
    "url|version": ({"url": f"{URL}?fhir_vs|2024"}, "2024"),
    "default-valueset-version": (
        {"url": f"{URL}?fhir_vs", "default-valueset-version": f"{URL}?fhir_vs|2024"},
        "2024",
    ),
    "check-valueset-version": (
        {"url": f"{URL}?fhir_vs", "check-valueset-version": f"{URL}?fhir_vs|2024"},
        "2024",
    ),
    "force-valueset-version": (
        {"url": f"{URL}?fhir_vs|2026", "force-valueset-version": f"{URL}?fhir_vs|2024"},
        "2024",
    ),
    "CodeSystem.valueSet": ({"url": WHOLE, "system-version": f"{URL}|2024"}, "2024"),
    "CodeSystem.valueSet|version": ({"url": f"{WHOLE}|2024"}, "2024"),
    "a version named comes before a default": (
        {"url": f"{URL}?fhir_vs|2026", "system-version": f"{URL}|2024"},
        "2026",
    ),
    "nobody says": ({"url": f"{URL}?fhir_vs"}, "2026"),
}


@pytest.mark.parametrize("asked", ASKED)
def test_an_implicit_value_set_has_the_version_asked_for_or_the_latest(
    terminology: Terminology, asked: str
) -> None:
    """An implicit value set is of the version that is asked for or pinned, or else of the latest."""
    parameters, version = ASKED[asked]
    answer = terminology.ask("ValueSet/$expand", **parameters, excludeNested=True)
    assert codes(answer) == expanded(version)
    used = [p["valueUri"] for p in answer["expansion"]["parameter"] if p["name"] == "used-codesystem"]
    assert used == [f"{URL}|{version}"]


@pytest.mark.parametrize("asked", ASKED)
def test_codes_are_validated_against_the_version_that_is_expanded(
    terminology: Terminology, asked: str
) -> None:
    parameters, version = ASKED[asked]
    for code in {"spring", "mud", "smoke"}:
        answer = terminology.ask("ValueSet/$validate-code", **parameters, system=URL, code=code)
        said = {p["name"]: p.get("valueBoolean", p.get("valueString")) for p in answer["parameter"]}
        assert said["result"] is (code in CODES[version])
        assert said["version"] == version


def test_an_implicit_value_set_with_an_open_version_takes_codings_of_any(
    terminology: Terminology,
) -> None:
    """If an implicit value set leaves the version open, a coding may be of any version."""
    for version in CODES:
        given: dict[str, Any] = {"url": f"{URL}?fhir_vs", "system": URL, "systemVersion": version}
        for code in {"mud", "smoke"}:
            answer = terminology.ask("ValueSet/$validate-code", **given, code=code)
            assert {"name": "result", "valueBoolean": code in CODES[version]} in answer["parameter"]


def test_a_code_implies_a_value_set_where_the_version_asked_for_has_it(terminology: Terminology) -> None:
    below = f"{URL}?fhir_vs=isa/mud"
    ways: list[dict[str, Any]] = [{"url": f"{below}|2024"}, {"url": below, "system-version": f"{URL}|2024"}]
    for asked in ways:
        assert codes(terminology.ask("ValueSet/$expand", **asked, excludeNested=True)) == ["mud", "late-mud"]
    with pytest.raises(TerminologyError, match="could not be found") as error:
        terminology.ask("ValueSet/$expand", url=below)
    assert "has no code 'mud'" in (error.value.issues[0].diagnostics or "")
    pin: dict[str, Any] = {"system-version": f"{URL}|2024"}
    with pytest.raises(TerminologyError, match="could not be found") as error:
        terminology.ask("ValueSet/$expand", url=f"{URL}?fhir_vs=isa/smoke", **pin)
    assert "has no code 'smoke'" in (error.value.issues[0].diagnostics or "")


@pytest.mark.parametrize("url", [f"{URL}?fhir_vs", WHOLE])
def test_an_implicit_value_set_has_a_version_only_if_asked_for_by_one(
    terminology: Terminology, url: str
) -> None:
    """An implicit value set states a version if it is asked for by one, and leaves it open otherwise."""
    is_open = terminology.catalogue.value_set(url)
    assert "version" not in is_open
    assert is_open["compose"]["include"] == [{"system": URL}]
    named = terminology.catalogue.value_set(url, "2024")
    assert named["version"] == "2024"
    assert named["compose"]["include"] == [{"system": URL, "version": "2024"}]


@pytest.mark.parametrize("url", [f"{URL}?fhir_vs", f"{URL}?fhir_vs=isa/mud", WHOLE])
def test_an_implicit_value_set_of_a_version_that_is_not_here_is_not_found(
    terminology: Terminology, url: str
) -> None:
    with pytest.raises(TerminologyError, match="could not be found") as error:
        terminology.ask("ValueSet/$expand", url=url, valueSetVersion="1999")
    assert error.value.issues[0].code == "not-found"
    if url != WHOLE:
        assert "Valid versions: 2024 or 2026" in (error.value.issues[0].diagnostics or "")


def test_a_pin_to_an_unknown_version_is_not_answered_with_another_one(
    terminology: Terminology,
) -> None:
    pin: dict[str, Any] = {"system-version": f"{URL}|1999"}
    for url in (f"{URL}?fhir_vs", WHOLE):
        with pytest.raises(TerminologyError, match="'1999' could not be found"):
            terminology.ask("ValueSet/$expand", url=url, **pin)


def test_a_value_set_that_only_older_versions_declare_is_theirs() -> None:
    held = Content([season("2024"), season("2026", valueSet="http://example.org/ValueSet/new")])
    answer = Terminology(catalogue=held).ask("ValueSet/$expand", url=WHOLE, excludeNested=True)
    assert codes(answer) == expanded("2024")
