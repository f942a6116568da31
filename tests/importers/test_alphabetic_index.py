"""The indexes of ICD-10-PCS and ICD-10-CM: their terms find codes, and are no displays."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.core.errors import BrokenReleaseError
from terminology.opening import known_importers
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from terminology.store.release import ConceptRow
from tests.support import releases
from tests.support.importing import opened, read, refusal
from tests.support.releases import write
from tests.support.reporters import CollectingReporter, StrictReporter
from tests.support.stores import place, postgres_server  # noqa: F401

PCS, CM = "http://www.cms.gov/Medicare/Coding/ICD10", "http://hl7.org/fhir/sid/icd-10-cm"
PCS_INDEX, CM_INDEX = "icd10pcs_index_2031.xml", "icd10cm_index_2031.xml"


def terms(kind: str, *paths: Path, reporter: Any = None) -> dict[str, list[str]]:
    """The index terms of each concept that has some."""
    (one,) = opened(kind, *paths)
    rows = [row for row in read(one, reporter or StrictReporter()) if isinstance(row, ConceptRow)]
    of = {row.code: [value for value, _, use, _ in row.designations if is_index_term(use)] for row in rows}
    return {code: values for code, values in of.items() if values}


def is_index_term(use: dict[str, Any] | None) -> bool:
    return use is not None and use["code"] == "index-term"


def indexed(kind: str, folder: Path, *entries: str) -> Path:
    """A small release, the index of which has these entries."""
    releases.RELEASES[kind](folder)
    root = {"icd10pcs": "ICD10PCS.index", "icd10cm": "ICD10CM.index"}[kind]
    lines = (f"<{root}><version>2031</version><letter><title>A</title>", *entries, f"</letter></{root}>")
    write(folder, PCS_INDEX if kind == "icd10pcs" else CM_INDEX, *lines)
    (folder / "icd10cm_neoplasm_2031.xml").unlink(missing_ok=True)
    return folder


# -- which codes a term leads to -----------------------------------------------------------------


def test_a_term_leads_to_its_code_or_to_all_that_begin_so(tmp_path: Path) -> None:
    releases.icd10pcs(tmp_path)
    assert terms("icd10pcs", tmp_path) == {
        "QAA": ["Pterygorrhaphy"],
        "QAA2": ["Pterygectomy, right"],
        "QAA2XZZ": ["Pterygectomy, right", "Pterygorrhaphy, External, Right"],
    }


def test_a_code_with_a_hyphen_leads_to_the_codes_below_it(tmp_path: Path) -> None:
    releases.icd10cm(tmp_path)
    category, left = "Clipping (of claw) (wing) NEC", "Clipping (of claw) (wing) NEC, left"
    assert terms("icd10cm", tmp_path) == {
        "Q01": [category],
        **{code: [category, left] for code in ("Q01.1", "Q01.1XXA", "Q01.1XXS")},
        **{code: [category] for code in ("Q01.2", "Q01.217", "Q01.217A")},
        "Q9A": [left, "Neoplasm, draconic, snout, Malignant Primary"],
    }


def test_without_the_tabular_list_terms_lead_to_the_listed_codes(tmp_path: Path) -> None:
    releases.icd10cm(tmp_path)
    for name in ("icd10cm_tabular_2031.xml", "appendix_C.txt"):
        next(tmp_path.rglob(name)).unlink()
    write(tmp_path, "icd10cm_codes_2031.txt", "Q011XXA Clipped left wing, initial encounter", "Q9A     Smoke")
    assert sorted(terms("icd10cm", tmp_path)) == ["Q01", "Q01.1", "Q01.1XXA", "Q9A"]


def test_a_term_that_stands_twice_is_said_once(tmp_path: Path) -> None:
    entry = "<mainTerm><title>Furling</title><code>QAA10ZZ</code></mainTerm>"
    assert terms("icd10pcs", indexed("icd10pcs", tmp_path, entry, entry)) == {"QAA10ZZ": ["Furling"]}


def test_a_use_leads_to_the_table_that_it_names_and_else_nowhere(tmp_path: Path) -> None:
    entries = (
        "<mainTerm><title>Furling</title><use>Splint in<tab>QAA</tab></use></mainTerm>",
        "<mainTerm><title>Pinion</title><use>Left Wing</use></mainTerm>",
    )
    assert terms("icd10pcs", indexed("icd10pcs", tmp_path, *entries)) == {"QAA": ["Furling"]}


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [
        ("icd10pcs", "QAA9", "'Furling' leads to QAA9, which is not in the list of codes"),
        ("icd10pcs", "QAO", "'Furling': expected a code, not 'QAO'"),
        ("icd10cm", "Q77.1", "'Furling' leads to Q771, which is not in the list of codes"),
        ("icd10cm", "Q00-Q01", "'Furling': expected a code, not 'Q00-Q01'"),
    ],
)
def test_a_term_that_leads_nowhere_is_reported(kind: str, code: str, said: str, tmp_path: Path) -> None:
    folder = indexed(kind, tmp_path, f"<mainTerm><title>Furling</title><code>{code}</code></mainTerm>")
    reporter = CollectingReporter()
    assert terms(kind, folder, reporter=reporter) == {}
    assert [problem.text for problem in reporter.problems] == [said]


@pytest.mark.parametrize("cell", ["-", "--", ""])
def test_an_empty_cell_of_a_table_is_no_code(cell: str, tmp_path: Path) -> None:
    entry = f'<mainTerm><title>Furling</title><cell col="2">{cell}</cell></mainTerm>'
    assert terms("icd10cm", indexed("icd10cm", tmp_path, entry)) == {}


# -- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), [("icd10pcs", PCS_INDEX), ("icd10cm", CM_INDEX)])
def test_an_index_alone_is_refused_for_it_lists_no_codes(kind: str, name: str, tmp_path: Path) -> None:
    releases.RELEASES[kind](tmp_path)
    assert refusal(kind, tmp_path / name) == (
        f"{name}: is an index, which leads to codes and does not list them: give it with the list of codes"
    )


def test_an_index_of_another_year_is_refused(tmp_path: Path) -> None:
    for kind, name in (("icd10pcs", PCS_INDEX), ("icd10cm", CM_INDEX)):
        folder = indexed(kind, tmp_path / kind)
        path = folder / name
        path.write_text(path.read_text().replace("2031", "2030"))
        assert "is of 2030" in refusal(kind, folder)


@pytest.mark.parametrize("kind", ["icd10pcs", "icd10cm"])
def test_an_index_that_breaks_off_ends_the_import(kind: str, tmp_path: Path) -> None:
    folder = indexed(kind, tmp_path, "<mainTerm><title>Furling</title>")
    with pytest.raises(BrokenReleaseError, match="is not XML: mismatched tag"):
        terms(kind, folder)


@pytest.mark.parametrize("partial", [False, True])
def test_of_an_index_that_breaks_off_partial_takes_what_can_be_read(
    partial: bool,
    place: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    entries = "<mainTerm><title>Furling</title><code>QAA10ZZ</code></mainTerm>", "<mainTerm><title>Fol"
    folder = indexed("icd10pcs", tmp_path, *entries)
    kinds = {importer.kind: importer for importer in known_importers()}
    writer = StoreWriter(store_at(place))
    if not partial:
        with pytest.raises(BrokenReleaseError, match="is not XML"):
            writer.load(kinds["icd10pcs"], [folder], CollectingReporter())
        assert writer.status() == []
    else:
        assert writer.load(kinds["icd10pcs"], [folder], CollectingReporter(), partial=True, most_problems=100)
        settings = Settings(environment={}, data="", bundled=False, store=place)
        assert "QAA10ZZ" in found(create_app(settings=settings).test_client(), PCS, "furling")
    writer.close()


@pytest.mark.parametrize("kind", ["icd10pcs", "icd10cm"])
def test_an_index_without_a_term_is_refused_with_what_it_has(kind: str, tmp_path: Path) -> None:
    said = "expected main terms (mainTerm); found the elements ICD10.*, version, letter, title, entry$"
    with pytest.raises(BrokenReleaseError, match=said.replace("(", r"\(").replace(")", r"\)")):
        terms(kind, indexed(kind, tmp_path, "<entry>Furling</entry>"))


def test_terms_that_are_nested_without_end_are_refused(tmp_path: Path) -> None:
    deep = "<mainTerm><title>A</title>" + "<term>" * 5000 + "</term>" * 5000 + "</mainTerm>"
    with pytest.raises(BrokenReleaseError, match="'A': terms are nested too deep"):
        terms("icd10pcs", indexed("icd10pcs", tmp_path, deep))


def test_an_index_is_read_in_a_zip_and_refused_in_gzip_or_a_zip_in_it(tmp_path: Path) -> None:
    releases.icd10pcs(tmp_path / "release")
    order, index = tmp_path / "release" / "icd10pcs_order_2031.txt", tmp_path / "release" / PCS_INDEX
    with zipfile.ZipFile(tmp_path / "index.zip", "w") as archive:
        archive.write(index, "Zip File 2/" + PCS_INDEX)
    assert "QAA2" in terms("icd10pcs", order, tmp_path / "index.zip")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(tmp_path / "index.zip", "index.zip")
    assert "outer.zip/index.zip is an archive within an archive" in refusal(
        "icd10pcs", tmp_path / "outer.zip"
    )
    (tmp_path / "index.xml.gz").write_bytes(gzip.compress(index.read_bytes()))
    assert "index.xml.gz is compressed with gzip; unpack it" in refusal("icd10pcs", tmp_path / "index.xml.gz")


# -- what is answered ----------------------------------------------------------------------------


@pytest.fixture
def client(place: str, tmp_path: Path) -> FlaskClient:  # noqa: F811
    kinds = {importer.kind: importer for importer in known_importers()}
    writer = StoreWriter(store_at(place))
    for kind in ("icd10pcs", "icd10cm"):
        folder = tmp_path / kind
        releases.RELEASES[kind](folder)
        assert writer.load(kinds[kind], [folder], StrictReporter())
    writer.close()
    settings = Settings(environment={}, data="", bundled=False, store=place)
    return create_app(settings=settings).test_client()


def ask(client: FlaskClient, operation: str, **query: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"/fhir/r5/{operation}", query_string=query).get_json()
    return answer


def found(client: FlaskClient, url: str, text: str, **more: str) -> dict[str, str]:
    expansion = ask(client, "ValueSet/$expand", url=f"{url}?fhir_vs", filter=text, **more)["expansion"]
    return {node["code"]: node["display"] for node in expansion.get("contains", ())}


def test_a_text_finds_the_codes_that_a_term_leads_to_with_their_displays(client: FlaskClient) -> None:
    right = "Folding of Right Wing, External Approach"
    assert found(client, PCS, "pterygectomy", excludeNotForUI="true") == {"QAA2XZZ": right}
    assert found(client, PCS, "pterygectomy", displayLanguage="en-US")["QAA2XZZ"] == right
    assert found(client, CM, "draconic snout primary") == {"Q9A": "Smoke"}


def test_lookup_has_the_terms_among_the_designations(client: FlaskClient) -> None:
    answer = ask(client, "CodeSystem/$lookup", system=PCS, code="QAA2XZZ", property="designation")
    parts = [part["part"] for part in answer["parameter"] if part["name"] == "designation"]
    uses = {
        part[-1]["valueString"]: each["valueCoding"]["code"]
        for part in parts
        for each in part
        if each["name"] == "use"
    }
    assert uses["Pterygectomy, right"] == "index-term"


@pytest.mark.parametrize("operation", ["CodeSystem/$validate-code", "ValueSet/$validate-code"])
def test_a_term_of_an_index_is_no_right_display(client: FlaskClient, operation: str) -> None:
    url = PCS if operation.startswith("CodeSystem") else f"{PCS}?fhir_vs"
    query = {"url": url, "system": PCS, "code": "QAA2XZZ", "display": "Pterygectomy, right"}
    for more in ({}, {"displayLanguage": "en"}):
        answer = {part["name"]: part for part in ask(client, operation, **query, **more)["parameter"]}
        assert answer["result"]["valueBoolean"] is False
        assert answer["display"]["valueString"] == "Folding of Right Wing, External Approach"
        assert "Pterygorrhaphy" not in answer["message"]["valueString"]


def test_a_heading_without_a_title_is_not_shown_by_a_term(place: str, tmp_path: Path) -> None:  # noqa: F811
    releases.icd10pcs(tmp_path)
    (tmp_path / "icd10pcs_order_2031.txt").unlink()
    (tmp_path / "icd10pcs_tables_2031.xml").unlink()
    write(tmp_path, "icd10pcs_codes_2031.txt", "QAA2XZZ Folding of Right Wing, External Approach")
    kinds = {importer.kind: importer for importer in known_importers()}
    writer = StoreWriter(store_at(place))
    assert writer.load(kinds["icd10pcs"], [tmp_path], StrictReporter())
    writer.close()
    settings = Settings(environment={}, data="", bundled=False, store=place)
    client = create_app(settings=settings).test_client()
    shown = ask(client, "CodeSystem/$lookup", system=PCS, code="QAA2", displayLanguage="en")
    assert {"name": "display", "valueString": "QAA2"} in shown["parameter"]
    expansion = ask(client, "ValueSet/$expand", url=f"{PCS}?fhir_vs", filter="pterygectomy")["expansion"]
    assert "Pterygectomy" not in str([node.get("display") for node in expansion["contains"]])
