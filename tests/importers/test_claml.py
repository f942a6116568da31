"""ClaML: classes, rubrics and marks of dual coding, and the codes that modifiers make."""

from __future__ import annotations

import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.cli import commands
from terminology.core.errors import BrokenReleaseError
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from terminology.store.release import CodeSystemRelease, ConceptRow
from tests.support.claml_files import GERMAN_DRAGONS, class_, document, meta, option, rubric
from tests.support.importing import BY_KIND, opened, read, refusal
from tests.support.releases import write
from tests.support.reporters import CollectingReporter, StrictReporter
from tests.support.stores import ENGINES, empty, postgres_server  # noqa: F401

ICD10GM, OPS = "http://fhir.de/CodeSystem/bfarm/icd-10-gm", "http://fhir.de/CodeSystem/bfarm/ops"
WHO = "http://hl7.org/fhir/sid/icd-10"


def release_of(path: Path, text: str) -> CodeSystemRelease:
    (one,) = opened("claml", write(path, "x.xml", text))
    assert isinstance(one.release, CodeSystemRelease)
    return one.release


def rows_of(path: Path, text: str, reporter: Any = None) -> dict[str, ConceptRow]:
    (one,) = opened("claml", write(path, "x.xml", text))
    rows = [row for row in read(one, reporter or StrictReporter()) if isinstance(row, ConceptRow)]
    assert len({row.code for row in rows}) == len(rows)
    return {row.code: row for row in rows}


@pytest.fixture
def dragons(tmp_path: Path) -> dict[str, ConceptRow]:
    return rows_of(tmp_path, GERMAN_DRAGONS)


def values(row: ConceptRow, code: str) -> list[Any]:
    return [value for property_, _, value in row.properties if property_ == code]


# -- classes -------------------------------------------------------------------------------------


def test_chapters_and_blocks_are_abstract_and_classes_stand_below_them(
    dragons: dict[str, ConceptRow],
) -> None:
    above = {code: (row.abstract, row.parents, *values(row, "kind")) for code, row in dragons.items()}
    assert above["I"] == (True, (), "chapter")
    assert above["Q00-Q19"] == (True, ("I",), "block")
    assert above["Q11.0"] == (False, ("Q11",), "category")


def test_a_class_that_only_its_parent_names_is_below_it(tmp_path: Path) -> None:
    modified = class_("5", "a", '<SubClass code="5-1"/><SubClass code="5-2"/><ModifiedBy code="S"/>')
    rows = rows_of(tmp_path, document(option("S", ".0", "x"), modified, class_("5-1", "b")))
    assert {code: row.parents for code, row in rows.items()} == {"5": (), "5-1": ("5",), "5-1.0": ("5-1",)}


def test_the_long_title_is_the_display_and_others_are_designations(
    dragons: dict[str, ConceptRow],
) -> None:
    row = dragons["Q11.0"]
    names = {(text, language, (use or {})["code"]) for text, language, use, _ in row.designations}
    assert row.display == "Ruß: schwarz"
    assert names == {
        ("schwarz", "de", "preferred"),
        ("black", "en", "preferred"),
        ("Teer klebrig", "de", "inclusion"),
    }
    assert row.definition == "Dunkel. Sehr dunkel."


def test_inclusions_of_a_chapter_are_no_names_of_it(dragons: dict[str, ConceptRow]) -> None:
    row = dragons["I"]
    assert (row.designations, values(row, "inclusion")) == ([], ["alle Feuerspeier"])


def test_other_rubrics_and_metas_are_properties(dragons: dict[str, ConceptRow]) -> None:
    row = dragons["Q11.0"]
    assert values(row, "text") == ["FEV1 <35"]
    assert (values(row, "Para301"), values(row, "AgeLow")) == (["P"], ["9999"])
    assert not values(row, "modifierlink")


def test_marks_of_dual_coding_are_properties_and_no_part_of_a_name(dragons: dict[str, ConceptRow]) -> None:
    row = dragons["Q11.0"]
    assert (values(row, "usage"), values(row, "aster")) == (["dagger"], ["K77.0"])
    assert values(row, "exclusion") == ["Asche (Q12) (Q13.-*)"]


# -- modifiers -----------------------------------------------------------------------------------


def test_modifiers_follow_one_another_but_not_after_what_excludes_them(
    dragons: dict[str, ConceptRow],
) -> None:
    below = {code: row.parents for code, row in dragons.items() if code.startswith("Q10.")}
    assert below == {
        "Q10.0": ("Q10",),
        "Q10.1": ("Q10",),
        "Q10.01": ("Q10.0",),
        "Q10.10": ("Q10.1",),
        "Q10.11": ("Q10.1",),
    }


def test_a_made_code_has_the_titles_of_the_class_and_of_its_options(dragons: dict[str, ConceptRow]) -> None:
    assert dragons["Q10.10"].display == "Feuerhusten: mit Feuer: gezähmt"
    assert [text for text, *_ in dragons["Q10.0"].designations] == ["Qualm"]


def test_a_made_code_has_the_metas_and_the_mark_of_its_options(dragons: dict[str, ConceptRow]) -> None:
    row = dragons["Q10.10"]
    assert (values(row, "AgeLow"), values(row, "usage"), values(row, "kind")) == (
        ["j018"],
        ["dagger"],
        ["category"],
    )
    assert not values(row, "excludeOnPrecedingModifier")


def test_only_the_last_of_made_codes_may_be_coded(dragons: dict[str, ConceptRow]) -> None:
    coded = {code: values(row, "Para301") for code, row in dragons.items() if code.startswith("Q10")}
    assert coded == {
        "Q10": ["V"],
        "Q10.0": ["V"],
        "Q10.1": ["V"],
        "Q10.01": ["P"],
        "Q10.10": ["P"],
        "Q10.11": ["P"],
    }


@pytest.mark.parametrize(("usage", "coded"), [("aster", "O"), ("optional", "Z"), ("dagger", "P")])
def test_a_made_code_is_coded_as_its_mark_says(usage: str, coded: str, tmp_path: Path) -> None:
    modified = class_("M01.3", "x", meta("Para301", "V"), '<ModifiedBy code="S"/>', usage=usage)
    rows = rows_of(tmp_path, document(option("S", "0", "y"), modified))
    assert values(rows["M01.30"], "Para301") == [coded]


def test_valid_options_alone_make_codes_also_below_one_another(tmp_path: Path) -> None:
    valid = "".join(f'<ValidModifierClass code="{code}"/>' for code in (".0", ".00", ".1"))
    text = document(
        option("ST538", ".00", "links", within=".0"),
        option("ST538", ".01", "rechts", within=".0"),
        option("ST538", ".0", "Flügel"),
        option("ST538", ".1", "Klaue"),
        option("ST538", ".2", "Schwanz"),
        class_("5-38", "Schnitt", f'<ModifiedBy all="false" code="ST538">{valid}</ModifiedBy>'),
    )
    rows = rows_of(tmp_path, text)
    assert {code: (row.display, row.parents) for code, row in rows.items()} == {
        "5-38": ("Schnitt", ()),
        "5-38.0": ("Schnitt: Flügel", ("5-38",)),
        "5-38.1": ("Schnitt: Klaue", ("5-38",)),
        "5-38.00": ("Schnitt: Flügel: links", ("5-38.0",)),
    }


def test_modifiers_that_name_no_option_as_valid_make_no_code(tmp_path: Path) -> None:
    text = document(option("S", "0", "x"), class_("5-1", "y", '<ModifiedBy all="false" code="S"/>'))
    assert [*rows_of(tmp_path, text)] == ["5-1"]


def test_classes_inherit_modifiers_unless_they_exclude_them(tmp_path: Path) -> None:
    text = document(
        option("S5", "0", "zu"),
        class_("S00-S09", "Kopf", '<ModifiedBy code="S5"/>', kind="block"),
        class_("S02", "Schädel", above="S00-S09"),
        class_("S02.0", "Dach", above="S02"),
        class_("S02.1", "Boden", '<ExcludeModifier code="S5"/>', above="S02"),
    )
    assert [*rows_of(tmp_path, text)] == ["S00-S09", "S02", "S02.0", "S02.00", "S02.1"]


def test_a_category_without_a_fourth_character_is_filled_up_with_X(tmp_path: Path) -> None:
    text = document(
        option("S13M40_5", "0", "überall"),
        option("S20W00_4", "1", "zu Hause"),
        class_("M45", "Steife", '<ModifiedBy code="S13M40_5"/>'),
        class_("W00", "Sturz", '<ModifiedBy code="S20W00_4"/>'),
        class_("W01", "Fall", '<ModifiedBy code="S13M40_5"/>', '<ModifiedBy code="S20W00_4"/>'),
        class_("X01", "Wurf", '<ModifiedBy code="S13M40_5" position="4"/>'),
    )
    made = [code for code in rows_of(tmp_path, text) if len(code) > 3]
    assert made == ["M45.X0", "W00.1", "W01.1", "W01.10", "X01.0"]


def test_a_code_that_is_a_class_is_not_made_again(tmp_path: Path) -> None:
    text = document(
        option("S", "0", "x"),
        class_("5-1", "y", '<ModifiedBy code="S"/>'),
        class_("5-10", "own words"),
    )
    assert rows_of(tmp_path, text)["5-10"].display == "own words"


# -- which code system ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "marks", "url"),
    [
        ("ICD-10", ("aster", "dagger", "optional"), ICD10GM),
        ("ICD-10-GM", ("aster", "dagger", "optional"), ICD10GM),
        ("ICD-10", ("aster", "dagger"), WHO),
        ("ICD-10-EN-2016", ("aster", "dagger"), WHO),
        ("OPS", (), OPS),
        ("ICF", (), "http://hl7.org/fhir/sid/icf"),
    ],
)
def test_title_and_marks_tell_the_code_system(
    name: str, marks: tuple[str, ...], url: str, tmp_path: Path
) -> None:
    release = release_of(tmp_path, document(class_("1", "x"), name=name, marks=marks))
    assert (release.url, release.version, release.language) == (url, "2031", "de")
    assert release.hierarchy_meaning == "classified-with" and release.licence
    assert release.header == {
        "date": "2030-09-13",
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.276.0.99.1"}],
    }


@pytest.mark.parametrize(
    ("authority", "notice"),
    [
        (
            "BfArM",
            "maschinenlesbaren Fassung des Bundesinstituts für Arzneimittel und Medizinprodukte (BfArM).",
        ),
        ("DIMDI", "Dokumentation und Information (DIMDI)."),
        ("WHO", "© World Health Organization."),
    ],
)
def test_the_notice_that_the_owner_prescribes_is_in_the_copyright(
    authority: str, notice: str, tmp_path: Path
) -> None:
    copyright_ = release_of(tmp_path, document(class_("1", "x"), authority=authority)).copyright or ""
    assert copyright_.startswith("Drachenamt 2031 - ") and notice in copyright_


@pytest.mark.parametrize("name", ["ICD-10-NL", "ICD-10-CM", "CHOP", ""])
def test_an_unknown_title_is_refused_unless_the_url_is_said(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, "x.xml", document(class_("1", "x"), name=name))
    said = refusal("claml", path)
    assert "expected a title of ICD10GM, ICD10, OPS, ICF; found" in said and "--url" in said
    stating = BY_KIND["claml"].stating_url
    assert stating is not None
    (one,) = stating("http://example.org/fhir/own").open([path])
    assert (one.release.url, one.release.licence) == ("http://example.org/fhir/own", None)


def test_another_version_of_ClaML_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "x.xml", document(class_("1", "x"), claml="3.0.0"))
    assert "expected ClaML in version 2; found version 3.0.0" in refusal("claml", path)


def test_a_file_of_the_WHO_has_a_namespace(tmp_path: Path) -> None:
    text = document(
        option("S04E10_4", ".0", "coma"),
        class_("E13", "diabetes", '<ModifiedBy code="S04E10_4"/>'),
        name="ICD-10",
        authority="WHO",
        namespace="http://icd10.who.org/claml20",
    )
    assert {code: row.display for code, row in rows_of(tmp_path, text).items()} == {
        "E13": "diabetes",
        "E13.0": "diabetes: coma",
    }


# -- what is wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('<Class kind="category"/>', "Class : expected a code and the rubric preferred"),
        ('<Class code="5-9" kind="category"/>', "Class 5-9: expected a code and the rubric preferred"),
        (class_("5-1", "again"), "Class 5-1: is there twice"),
        (
            class_("5-2", "x", '<ModifiedBy code="ST1"/>'),
            "5-2 is modified by ST1, which has no ModifierClass",
        ),
        (
            class_("5-2", "x", '<ModifiedBy code="S"><ValidModifierClass code=".90"/></ModifiedBy>'),
            "5-2 is modified by S, which has no ModifierClass .90",
        ),
    ],
)
def test_a_malformed_class_is_reported_and_the_others_are_read(wrong: str, said: str, tmp_path: Path) -> None:
    reporter = CollectingReporter()
    rows = rows_of(tmp_path, document(option("S", "0", "y"), class_("5-1", "x"), wrong), reporter)
    assert [problem.text for problem in reporter.problems] == [said]
    assert rows["5-1"].display == "x"


def test_an_archive_within_an_archive_is_refused_with_that_reason(tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner.zip", tmp_path / "outer.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("Klassifikationsdateien/ops.xml", document(class_("1", "x")))
    with zipfile.ZipFile(outer, "w") as archive:
        archive.write(inner, "inner.zip")
    assert opened("claml", inner)
    assert "is an archive within an archive; unpack the outer one" in refusal("claml", outer)


def test_a_file_that_breaks_off_ends_the_reading(tmp_path: Path) -> None:
    (one,) = opened(
        "claml", write(tmp_path, "x.xml", GERMAN_DRAGONS[: GERMAN_DRAGONS.index('<Class code="Q11"')])
    )
    rows = read(one, StrictReporter())
    with pytest.raises(BrokenReleaseError, match="is not XML"):
        list(rows)


def test_memory_holds_codes_and_no_classes(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        classes = (class_(f"5-{n}", "x" * 300, rubric("text", "y" * 3000)) for n in range(count))
        (one,) = opened("claml", write(tmp_path, "x.xml", document(*classes)))
        tracemalloc.start()
        assert sum(1 for _ in read(one, StrictReporter())) == count
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(10)
    small, large = peak(1000), peak(4000)
    assert large - small < 3000 * 300, "less than a tenth of what is in a class"


# -- the command and the stores ------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    def invoke(command: str, *arguments: object) -> Result:
        given = [command, "--store", str(tmp_path / "store"), *map(str, arguments)]
        return CliRunner().invoke(commands.main, given)

    return invoke


def test_the_command_takes_the_url_of_a_code_system(tmp_path: Path, run: Callable[..., Result]) -> None:
    path = write(tmp_path, "x.xml", document(class_("Z1", "x"), name="CHOP"))
    assert run("import", "claml", path).exit_code == 1
    imported = run("import", "--url", "http://example.org/chop", "claml", path)
    assert imported.exit_code == 0 and "http://example.org/chop|2031" in imported.output
    assert (
        run("remove", "--now", "http://example.org/chop").output == "http://example.org/chop|2031: removed\n"
    )
    wrong = run("import", "--url", "http://example.org/chop", "cvx", path)
    assert wrong.exit_code == 2 and "--url is not for 'cvx'" in wrong.output


def test_part_of_a_file_that_breaks_off_is_a_fragment(tmp_path: Path, run: Callable[..., Result]) -> None:
    path = write(tmp_path, "x.xml", GERMAN_DRAGONS[: GERMAN_DRAGONS.index('<Class code="Q11"')])
    refused = run("import", "claml", path)
    assert refused.exit_code == 1 and "is not XML" in refused.output
    taken = run("import", "--partial", "claml", path)
    assert taken.exit_code == 0, taken.output
    assert "8 rows" in taken.output


@pytest.fixture(params=ENGINES)
def client(request: pytest.FixtureRequest, tmp_path: Path) -> FlaskClient:
    place = empty(request.param, request, tmp_path)
    writer = StoreWriter(store_at(place))
    path = write(tmp_path, "icd10gm2031syst_claml_20300913.xml", GERMAN_DRAGONS)
    assert writer.load(BY_KIND["claml"], [path], StrictReporter())
    writer.close()
    settings = Settings(environment={}, data="", bundled=False, store=place)
    return create_app(settings=settings).test_client()


def test_a_store_answers_for_made_codes_and_marks(client: FlaskClient) -> None:
    def ask(operation: str, **query: str) -> Any:
        answer = client.get(f"/fhir/r4/{operation}", query_string=query).get_json()
        return {
            part["name"]: part.get("valueString", part.get("valueBoolean", part.get("valueCode")))
            for part in answer["parameter"]
        }

    found = ask("CodeSystem/$lookup", system=ICD10GM, code="Q10.11")
    assert (found["display"], found["version"]) == ("Feuerhusten: mit Feuer: wild", "2031")
    below = ask("CodeSystem/$subsumes", system=ICD10GM, codeA="Q00-Q19", codeB="Q10.11")
    assert below["outcome"] == "subsumes"
    named = ask("CodeSystem/$validate-code", url=ICD10GM, code="Q11.0", display="Teer klebrig")
    assert named["result"] is True


@pytest.mark.parametrize(
    ("property_", "value", "codes"),
    [
        ("usage", "dagger", ["Q10.1", "Q10.10", "Q10.11", "Q11.0"]),
        ("Para301", "P", ["Q10.01", "Q10.10", "Q10.11", "Q11.0"]),
        ("aster", "K77.0", ["Q11.0"]),
        ("kind", "block", ["Q00-Q19"]),
    ],
)
def test_a_store_selects_by_marks_metas_and_kinds(
    property_: str, value: str, codes: list[str], client: FlaskClient
) -> None:
    chosen = {"system": ICD10GM, "filter": [{"property": property_, "op": "=", "value": value}]}
    value_set = {"resourceType": "ValueSet", "status": "active", "compose": {"include": [chosen]}}
    parameters = [
        {"name": "valueSet", "resource": value_set},
        {"name": "excludeNested", "valueBoolean": True},
    ]
    body = {"resourceType": "Parameters", "parameter": parameters}
    answer = client.post("/fhir/r4/ValueSet/$expand", json=body).get_json()
    assert sorted(entry["code"] for entry in answer["expansion"]["contains"]) == codes
