"""docs/systems.md says what the code does: the examples of every row are tried on a copy of the code system."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminology.core.errors import TerminologyError
from terminology.core.model import Filter
from terminology.library import Terminology
from terminology.opening import catalogue_of
from terminology.systems.description import SystemDescription
from terminology.systems.document import DocumentCodeSystem
from terminology.systems.known import DESCRIPTIONS, owner_of_value_set, with_own_rules
from terminology.systems.protocol import CodeSystem
from tests.support.compiled import shelved
from tests.support.described import COPIES

pytest.importorskip("pyroaring")

EACH = pytest.mark.parametrize("description", DESCRIPTIONS.values(), ids=lambda d: d.title)


def in_memory(description: SystemDescription, tmp_path: Path) -> CodeSystem:
    return with_own_rules(DocumentCodeSystem(COPIES[description.url]()))


def in_the_store(description: SystemDescription, tmp_path: Path) -> CodeSystem:
    return with_own_rules(shelved(COPIES[description.url](), tmp_path).system())


KEPT = pytest.mark.parametrize("copy_of", [in_memory, in_the_store])


@KEPT
@EACH
def test_the_example_codes_are_codes_and_the_others_are_none(
    description: SystemDescription, copy_of, tmp_path: Path
) -> None:
    system = copy_of(description, tmp_path)
    for form in description.codes:
        assert [code for code in form.examples if system.locate(code) is None] == [], form.form
        assert [code for code in form.others if system.locate(code) is not None] == [], form.form


@KEPT
@EACH
def test_a_filter_takes_its_examples_and_refuses_others(
    description: SystemDescription, copy_of, tmp_path: Path
) -> None:
    system = copy_of(description, tmp_path)
    for rule in description.filters:
        for op in rule.operators:
            for value in rule.examples:
                selection = system.select([Filter(rule.property, op, value)])
                assert all(concept.code in selection for concept in selection), (rule.property, value)
            for value in rule.refused:
                with pytest.raises(TerminologyError):
                    system.select([Filter(rule.property, op, value)])


@EACH
def test_a_filter_that_is_not_offered_is_refused_with_the_reason(
    description: SystemDescription, tmp_path: Path
) -> None:
    system = in_memory(description, tmp_path)
    for part in description.not_offered:
        assert part.reason
        if part.filter is not None:
            with pytest.raises(TerminologyError) as refused:
                system.select([part.filter])
            assert part.reason in str(refused.value)


@EACH
def test_a_value_set_has_the_codes_that_its_row_says(description: SystemDescription) -> None:
    catalogue = catalogue_of([COPIES[description.url]()], with_definitions=False)
    terminology = Terminology(catalogue=catalogue)
    for rule in description.value_sets:
        assert owner_of_value_set(rule.url) == description.url
        answer = terminology.ask("ValueSet/$expand", url=rule.url, includeDefinition=True)
        assert answer["url"] == rule.url and answer["name"] == rule.name
        includes = answer["compose"]["include"]
        assert [include["system"] for include in includes] == [description.url] * len(rule.filters)


def test_every_described_code_system_has_a_copy_to_be_tried_on() -> None:
    assert COPIES.keys() == DESCRIPTIONS.keys()
