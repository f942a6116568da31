"""Suggestions: ranked candidates for a text, with a score and with what speaks for them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from terminology import Settings, Terminology, TerminologyError, UnreadableFileError
from terminology.content.importers import IMPORTERS
from terminology.opening import open_loader
from terminology.workbench.suggest import Suggester
from tests.support.builders import code_system, concept
from tests.support.reporters import CollectingReporter

OWN = "http://terminology.example.org/fhir/CodeSystem/cervical-conization"
URL = "http://example.org/procedures"
TITLES = {
    "1": "Excision of cervix, open approach",
    "2": "Excision of cervix, percutaneous endoscopic approach",
    "3": "Excision of cervix, diagnostic",
    "4": "Excision of ovary, open approach",
    "5": "Malignant neoplasm of cervix uteri",
    "6": "Malignant neoplasm of ovary",
    "7": "Hemorrhage of ovary",
    "8": "Dysplasia of cervix grade 1",
    "9": "Dysplasia of cervix grade 2",
    "10": "Severe dysplasia of cervix, grade III with carcinoma in situ of the cervix",
    "11": "Removal of left ovary, partial",
    "12": "Removal of right ovary, partial",
    "13": "Removal of left ovary, total",
    "14": "Hysterectomy",
    "15": "Curative intent",
}


@pytest.fixture(scope="module")
def own() -> Iterator[Suggester]:
    with Terminology() as terminology:
        yield Suggester(terminology, OWN)


@pytest.fixture(scope="module", params=["memory", "store"])
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suggester]:
    """The same code system as a document, and in a store."""
    many = [concept(f"x{number}", f"Procedure number {number} of the foot") for number in range(2_500)]
    resource = code_system(URL, *(concept(code, title) for code, title in TITLES.items()), *many, version="1")
    if request.param == "memory":
        with Terminology([resource], bundled=False) as terminology:
            yield Suggester(terminology, URL)
        return
    folder = tmp_path_factory.mktemp("store")
    path = folder / "procedures.json"
    path.write_text(json.dumps(resource))
    importer = next(importer for importer in IMPORTERS if importer.kind == "fhir")
    loader = open_loader(str(folder / "store"), True)
    loader.load(importer, [path], CollectingReporter())
    loader.close()
    with Terminology(store=folder / "store", bundled=False) as terminology:
        yield Suggester(terminology, URL)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Excision of cervix, open approach", "1"),
        ("exc cervix opn", "1"),
        ("Cervix excision perc endo", "2"),
        ("EXC CX DX", "3"),
        ("excison of the cervx, diagnostic", "3"),
        ("Gebärmutterhalskrebs", "5"),
        ("ovarian cancer", "6"),
        ("haemorrhage, ovary", "7"),
    ],
)
def test_abbreviations_slips_spellings_and_other_languages_count(
    small: Suggester, text: str, code: str
) -> None:
    assert small.suggestions(text)[0].code == code


def test_a_suggestion_says_how_the_text_was_read(small: Suggester) -> None:
    best = small.suggestions("exc cervx, diagnostic")[0]
    assert best.why == "exc = excision (abbreviation); cervx = cervix (slip)"
    assert 0 < best.score < 1 and best.display == TITLES["3"]
    exact = small.suggestions(TITLES["1"])[0]
    assert (exact.why, exact.score) == ("the words of the display", 1.0)


def test_the_best_comes_first_and_no_more_than_asked_for(small: Suggester) -> None:
    scores = [each.score for each in small.suggestions("excision of cervix", 3)]
    assert len(scores) == 3 and scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("text", ["", "...", "zzzzqqq", "的"])
def test_a_text_without_a_known_word_has_no_suggestions(small: Suggester, text: str) -> None:
    assert small.suggestions(text) == []


def test_designations_count_and_are_named(own: Suggester) -> None:
    best = own.suggestions("Messerkonisation")[0]
    assert best.code == "conization-cold-knife"
    assert own.suggestions("cold knife cone")[0].why == "term 'Cold knife cone'"


def test_an_unknown_code_system_is_refused() -> None:
    with Terminology() as terminology, pytest.raises(TerminologyError, match="could not be found"):
        Suggester(terminology, "http://example.org/nowhere")


def test_without_the_library_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    with Terminology() as terminology, pytest.raises(UnreadableFileError, match=r"\.\[workbench\]"):
        Suggester(terminology, OWN)


def test_a_grammar_suggests_the_codes_that_it_can_list() -> None:
    with Terminology() as terminology:
        assert Suggester(terminology, "http://unitsofmeasure.org").suggestions("milligram")[0].code == "mg"
        assert Suggester(terminology, "urn:ietf:bcp:13").suggestions("text html") == []


def test_texts_that_a_licence_keeps_back_are_not_suggested(tmp_path: Path) -> None:
    place = tmp_path / "licences.json"
    licence = {"system": OWN, "policy": "codes", "licence": "a licence of a test"}
    place.write_text(json.dumps({"licences": [licence]}))
    with Terminology(settings=Settings(licences=str(place))) as terminology:
        suggestions = Suggester(terminology, OWN).suggestions("Schlingenkonisation")
        assert [each.display for each in suggestions if "onization" in each.display] == []


@pytest.mark.parametrize(
    ("text", "same", "others"),
    [
        ("dysplasia of cervix II", "9", {"8", "10"}),
        ("dysplasia cervix grade 3", "10", {"8", "9"}),
        ("Dysplasia of cervix, grade I", "8", {"9", "10"}),
        ("dysplasia of cervix 2nd", "9", {"8", "10"}),
        ("mild dysplasia of cervix", "8", {"10"}),
        ("removal lt ovary partial", "11", {"12", "13"}),
        ("removal of the right ovary", "12", {"11", "13"}),
        ("complete removal of left ovary", "13", {"11", "12"}),
    ],
)
def test_another_number_side_or_degree_costs_half_of_the_score(
    small: Suggester, text: str, same: str, others: set[str]
) -> None:
    first, *rest = small.suggestions(text, 20)
    assert first.code == same
    different = [each for each in rest if "; other " in each.why]
    assert {each.code for each in different} >= others
    assert all(each.score <= 0.5 for each in different)
    assert first.score > 0.55


def test_a_term_with_the_number_of_the_text_comes_before_others(small: Suggester) -> None:
    suggestions = small.suggestions("excision of foot number 7 grade 2, dysplasia of the cervix", 600)
    others = [place for place, each in enumerate(suggestions) if "other number" in each.why]
    same = [place for place, each in enumerate(suggestions) if each.code in ("9", "x7", "x2")]
    assert len(same) == 3 and others and max(same) < min(others)


def test_the_grades_of_CIN_are_not_taken_for_each_other() -> None:
    with Terminology() as terminology:
        suggester = Suggester(terminology, "http://snomed.info/sct")
        codes = {text: suggester.suggestions(text)[0].code for text in ("CIN II", "CIN 2", "CIN III", "CIN3")}
    assert codes == {"CIN II": "285838002", "CIN 2": "285838002", "CIN III": "252991009", "CIN3": "252991009"}


def test_a_German_form_is_no_slip_and_a_distant_word_is_not_read(
    small: Suggester,
) -> None:
    (best,) = small.suggestions("Inpatient Hysterektomie", 5)
    assert (best.code, best.why) == ("14", "hysterektomie = hysterectomy (de)")
