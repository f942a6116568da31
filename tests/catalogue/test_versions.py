"""Which version of a code system answers, where its versions are counted in a way of their own?"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from terminology import Terminology
from terminology.catalogue.content import Content
from terminology.core import versions
from terminology.core.errors import TerminologyError
from tests.support.builders import code_system, concept

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
INTERNATIONAL = f"{SNOMED}/900000000000207008"
# Made-up modules; by their numbers one comes before the International Edition, and one after it.
LESSER, GREATER = f"{SNOMED}/11000111000888104", f"{SNOMED}/999000111000888108"


def system(url: str, version: str, **more: Any) -> dict[str, Any]:
    """A code system with a code of each version, and one that is in all."""
    return code_system(url, concept("any", f"as in {version}"), version, version=version, **more)


def asked(url: str, held: tuple[str, ...], **given: Any) -> Any:
    """The version that a lookup is answered from."""
    terminology = Terminology(catalogue=Content([system(url, version) for version in held]))
    answer = terminology.ask("CodeSystem/$lookup", system=url, code="any", **given)
    return next(p["valueString"] for p in answer["parameter"] if p["name"] == "version")


LATEST = [
    (RXNORM, ("12012030", "01062031")),
    (RXNORM, ("11032030", "12012030", "01062031", "02032031")),
    (SNOMED, (f"{INTERNATIONAL}/version/20300101", f"{LESSER}/version/20310101")),
    (SNOMED, (f"{GREATER}/version/20300101", f"{INTERNATIONAL}/version/20310101")),
    (SNOMED, (f"{LESSER}/version/20310101", f"{GREATER}/version/20310101")),
    (SNOMED, (f"{LESSER}/version/20310101", f"{INTERNATIONAL}/version/20310101")),
    (SNOMED, (f"{GREATER}/version/20310101", f"{INTERNATIONAL}/version/20310101")),
    ("http://example.org/numbers", ("01062031", "12012030")),
]


@pytest.mark.parametrize(("url", "in_order"), LATEST)
def test_the_latest_version_by_date_answers_if_none_is_asked_for(url: str, in_order: tuple[str, ...]) -> None:
    """Without a version the latest by date answers, and of one date the International Edition."""
    for held in permutations(in_order):
        assert asked(url, held) == in_order[-1]
        assert versions.known([system(url, version) for version in held]) == list(in_order)


def test_a_declared_version_algorithm_comes_before_the_publishers() -> None:
    """An algorithm that the resources declare comes before that of the publisher."""
    held = [system(RXNORM, v, versionAlgorithmString="alpha") for v in ("12012030", "01062031")]
    assert versions.known(held) == ["01062031", "12012030"]


# -- an edition as version -----------------------------------------------------------------------

HELD = tuple(
    f"{edition}/version/{date}"
    for edition, date in (
        (GREATER, "20300101"),
        (GREATER, "20310101"),
        (LESSER, "20300901"),
        (INTERNATIONAL, "20310801"),
    )
)
MEANT = {GREATER: HELD[1], LESSER: HELD[2], INTERNATIONAL: HELD[3]}


@pytest.fixture(scope="module")
def terminology() -> Terminology:
    return Terminology(catalogue=Content([system(SNOMED, version) for version in HELD]))


@pytest.mark.parametrize("edition", MEANT)
def test_an_edition_as_version_means_its_latest_version(terminology: Terminology, edition: str) -> None:
    assert asked(SNOMED, HELD, version=edition) == MEANT[edition]
    for code in HELD:
        given: dict[str, Any] = {"url": SNOMED, "code": code, "version": edition}
        answer = terminology.ask("CodeSystem/$validate-code", **given)
        assert {"name": "result", "valueBoolean": code == MEANT[edition]} in answer["parameter"]
        assert {"name": "version", "valueString": MEANT[edition]} in answer["parameter"]


@pytest.mark.parametrize("name", ["system-version", "check-system-version", "force-system-version"])
@pytest.mark.parametrize("edition", MEANT)
def test_a_pin_to_an_edition_means_its_latest_version(
    terminology: Terminology, edition: str, name: str
) -> None:
    pinned: dict[str, Any] = {"url": f"{SNOMED}?fhir_vs", name: f"{SNOMED}|{edition}"}
    expansion = terminology.ask("ValueSet/$expand", **pinned)["expansion"]
    assert [node["code"] for node in expansion["contains"]] == ["any", MEANT[edition]]
    for code in HELD:
        answer = terminology.ask("ValueSet/$validate-code", **pinned, system=SNOMED, code=code)
        assert {"name": "result", "valueBoolean": code == MEANT[edition]} in answer["parameter"]


@pytest.mark.parametrize("edition", MEANT)
def test_a_coding_may_state_an_edition(terminology: Terminology, edition: str) -> None:
    for url in (f"{SNOMED}?fhir_vs", f"{edition}?fhir_vs", f"{MEANT[edition]}?fhir_vs"):
        for code in HELD:
            given: dict[str, Any] = {"url": url, "system": SNOMED, "code": code, "systemVersion": edition}
            answer = terminology.ask("ValueSet/$validate-code", **given)
            assert {"name": "result", "valueBoolean": code == MEANT[edition]} in answer["parameter"]


def test_an_edition_that_is_not_here_is_an_unknown_version() -> None:
    for version in (f"{SNOMED}/1", f"{SNOMED}/9", SNOMED, f"{GREATER}/version/2030"):
        with pytest.raises(TerminologyError, match="could not be found"):
            asked(SNOMED, HELD, version=version)
