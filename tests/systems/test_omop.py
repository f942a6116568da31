"""OMOP on the store: each filter and value set selects what a plain reading of the files selects."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminology import Terminology
from terminology.core.errors import TerminologyError
from terminology.core.model import Filter
from terminology.systems.omop import COPYRIGHT, RELATIONSHIPS, URL
from terminology.systems.protocol import CodeSystem
from tests.support import omop_files
from tests.support.asking import properties
from tests.support.omop_files import DOMAINS, VOCABULARIES
from tests.support.served import served

Row = dict[str, str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return omop_files.write(tmp_path_factory.mktemp("files"), 200)


@pytest.fixture(scope="module")
def concepts(folder: Path) -> list[Row]:
    return rows(folder / "CONCEPT.csv")


@pytest.fixture(scope="module")
def terminology(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    return served("omop", folder, tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def omop(terminology: Terminology) -> CodeSystem:
    return terminology.catalogue.system(URL)


def rows(path: Path) -> list[Row]:
    columns, *cells = (line.split("\t") for line in path.read_text("utf-8").splitlines())
    return [dict(zip(columns, row, strict=True)) for row in cells]


def chosen(omop: CodeSystem, *filter_: str) -> set[str]:
    return {concept.code for concept in omop.select([Filter(*filter_)])}


def standard(concepts: list[Row], *domains: str) -> set[str]:
    """The standard concepts of some domains."""
    return {
        row["concept_id"]
        for row in concepts
        if row["domain_id"] in domains and row["standard_concept"] == "S"
    }


def test_a_domain_has_its_standard_concepts(omop: CodeSystem, concepts: list[Row]) -> None:
    for domain in DOMAINS:
        assert chosen(omop, "domain", "=", domain) == standard(concepts, domain)
    assert chosen(omop, "domain", "in", "Drug, Condition") == standard(concepts, "Drug", "Condition")
    (doubt,) = omop.doubts([Filter("domain", "=", "Drugs")])
    assert "domain = Drugs" in doubt.text


COLUMNS = {"domain-id": "domain_id", "vocabulary-id": "vocabulary_id", "concept-class-id": "concept_class_id"}
COLUMNS |= {"invalid-reason": "invalid_reason"}


@pytest.mark.parametrize("property_", COLUMNS)
def test_a_property_has_the_value_of_its_column(
    omop: CodeSystem, concepts: list[Row], property_: str
) -> None:
    column = COLUMNS[property_]
    for value in {row[column] for row in concepts} - {""}:
        assert chosen(omop, property_, "=", value) == {
            r["concept_id"] for r in concepts if r[column] == value
        }


@pytest.mark.parametrize("name", RELATIONSHIPS)
def test_a_valid_relationship_is_a_property(omop: CodeSystem, folder: Path, name: str) -> None:
    valid = [
        (row["concept_id_1"], row["concept_id_2"])
        for row in rows(folder / "CONCEPT_RELATIONSHIP.csv")
        if row["relationship_id"] == name
        and not row["invalid_reason"]
        and row["concept_id_1"] != row["concept_id_2"]
    ]
    for target in {two for _, two in valid}:
        assert chosen(omop, name, "=", target) == {one for one, two in valid if two == target}


def test_a_concept_names_its_domain_class_and_vocabulary(
    terminology: Terminology, concepts: list[Row]
) -> None:
    """With their concept ids; the source code has a system, or is not there."""
    for row in concepts[:20]:
        answer = properties(terminology.ask("CodeSystem/$lookup", system=URL, code=row["concept_id"]))
        assert answer["domain-concept-id"] == [DOMAINS[row["domain_id"]]]
        assert answer["vocabulary-concept-id"] == [VOCABULARIES[row["vocabulary_id"]]]
        sources = answer.get("source-concept-code", [])
        assert [source["code"] for source in sources] == [row["concept_code"]] * (
            row["vocabulary_id"] != "Gemscript"
        )
        assert all(source["system"] for source in sources)
        assert answer["valid-start-date"] == ["2020-01-01"]


def test_a_domain_is_a_value_set(terminology: Terminology, concepts: list[Row]) -> None:
    """The version is that of the vocabulary "OMOP Extension"; an unknown domain has no value set."""
    for domain, url in [
        *((domain, domain) for domain in DOMAINS),
        ("Spec Anatomic Site", "Spec%20Anatomic%20Site"),
    ]:
        value_set = terminology.ask("ValueSet/$expand", url=f"{URL}/ValueSet/{url}")
        assert {node["code"] for node in value_set["expansion"].get("contains", ())} == standard(
            concepts, domain
        )
        assert (value_set["name"], value_set["version"]) == (f"OMOPDomain{domain}", "20340811")
        assert value_set["copyright"] == COPYRIGHT
    with pytest.raises(TerminologyError):
        terminology.ask("ValueSet/$expand", url=f"{URL}/ValueSet/Drugs")
