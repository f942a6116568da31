"""docs/systems.md holds: every filter of it is understood, and every filter that is not offered is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from terminology.core.errors import TerminologyError
from terminology.core.model import Filter
from terminology.systems import cvx, icd10gm, loinc, ndc, omop, rxnorm, ucum
from terminology.systems.description import FilterRule, SystemDescription
from terminology.systems.protocol import CodeSystem
from tests.support import loinc_files, omop_files, releases, rxnorm_files
from tests.support.served import served

# A small release of each code system that is imported, in the files of its owner.
WRITERS: dict[str, Callable[[Path], object]] = {
    "loinc": lambda folder: loinc_files.write(folder, 30),
    "rxnorm": lambda folder: rxnorm_files.write(folder, 60),
    "omop": lambda folder: omop_files.write(folder, 30),
    "ndc": releases.ndc,
    "cvx": releases.cvx,
    "claml": releases.claml,
}
DESCRIPTIONS = {
    "loinc": loinc,
    "rxnorm": rxnorm,
    "omop": omop,
    "ndc": ndc,
    "cvx": cvx,
    "claml": icd10gm,
    "ucum": ucum,
}
# A value that the operator takes; any text is one for the others.
VALUES = {"exists": "true", "regex": ".*a.*"}


@pytest.fixture(scope="module", params=DESCRIPTIONS)
def described(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[SystemDescription, CodeSystem]:
    """A description with a code system that it is of."""
    description = DESCRIPTIONS[request.param].DESCRIPTION
    if request.param == "ucum":
        return description, ucum.units()
    folder = tmp_path_factory.mktemp("files")
    WRITERS[request.param](folder)
    terminology = served(request.param, folder, tmp_path_factory.mktemp("store"))
    return description, terminology.catalogue.system(description.url)


def filters_of(rule: FilterRule) -> Iterator[Filter]:
    for property_ in rule.properties:
        for operator in rule.operators:
            yield Filter(property_, operator, VALUES.get(operator, "mg"))


def test_every_filter_of_the_page_is_understood(described: tuple[SystemDescription, CodeSystem]) -> None:
    description, system = described
    filters = [filter_ for rule in description.filters for filter_ in filters_of(rule)]
    assert filters
    for filter_ in filters:
        system.select([filter_])
        system.doubts([filter_])


def test_what_is_not_offered_is_refused_with_the_reason(
    described: tuple[SystemDescription, CodeSystem],
) -> None:
    description, system = described
    for part in description.not_offered:
        for property_ in part.properties:
            with pytest.raises(TerminologyError) as refusal:
                system.select([Filter(property_, "=", "x")])
            assert part.reason in refusal.value.issues[0].text


def test_an_operator_that_is_not_on_the_page_is_refused(
    described: tuple[SystemDescription, CodeSystem],
) -> None:
    description, system = described
    for rule in description.filters:
        if rule.choose is not None or description.url == ucum.URL:
            with pytest.raises(TerminologyError) as refusal:
                system.select([Filter(rule.properties[0], "around", "x")])
            assert refusal.value.issues[0].message_id == "FILTER_NOT_UNDERSTOOD"


def test_an_implicit_value_set_has_the_copyright(described: tuple[SystemDescription, CodeSystem]) -> None:
    """Each that has a url without a code in it; with the notice of the owner, if there is one."""
    description, system = described
    for each in description.value_sets:
        if "[" not in each.canonical:
            value_set = system.implied_value_set(each.canonical)
            assert value_set is not None
            assert value_set.get("copyright") == description.copyright
            assert value_set["compose"]["include"][0]["system"] == description.url
