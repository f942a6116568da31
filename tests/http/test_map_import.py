"""Rows of a map that are added, changed and removed, and who did that, when and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from terminology.core.users import User, rights_of
from tests.support.asking import matches, value, values
from tests.support.builders import body_of, concept_map
from tests.support.writing import Client, expressions, text_of

HERE, THERE = "http://example.org/here", "http://example.org/there"
TRANSLATE = f"ConceptMap/$translate?system={HERE}&targetsystem={THERE}&code="
MAP = concept_map(
    "m",
    HERE,
    THERE,
    [
        {"code": "a", "target": [{"code": "1", "equivalence": "equivalent", "comment": "as it was"}]},
        {
            "code": "b",
            "target": [{"code": "2", "equivalence": "wider"}, {"code": "3", "equivalence": "wider"}],
        },
    ],
    id="m",
)


@pytest.fixture
def ask(tmp_path: Path) -> Client:
    client = Client(str(tmp_path))
    assert client("PUT", "ConceptMap/m", MAP).status_code == 201
    return client


def row(
    change: str, source: str, target: str | None = None, word: str | None = None, **more: str
) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"name": "change", "valueCode": change},
        {"name": "source", "valueCoding": {"system": HERE, "code": source}},
    ]
    if target is not None:
        parts.append({"name": "target", "valueCoding": {"system": THERE, "code": target}})
    if word is not None:
        parts.append({"name": "relationship", "valueCode": word})
    parts += [{"name": name, "valueString": text} for name, text in more.items()]
    return {"name": "row", "part": parts}


def test_rows_are_added_changed_and_removed_together(place: str) -> None:
    ask = Client(place)
    ask("PUT", "ConceptMap/m", MAP)
    assert matches(ask("GET", TRANSLATE + "b").json) == [("2", "wider"), ("3", "wider")]
    rows = [
        row("add", "c", "4", "equivalent"),
        row("change", "a", "1", "narrower"),
        row("remove", "b", "2"),
        row("add", "d"),
    ]
    answer = ask("POST", "ConceptMap/m/$import", body_of(*rows, reason={"valueString": "review of May"}))
    assert answer.status_code == 200
    assert [value(answer.json, name) for name in ("versionId", "add", "change", "remove")] == ["2", 2, 1, 1]
    assert answer.headers["ETag"] == 'W/"2"'
    assert matches(ask("GET", TRANSLATE + "c").json) == [("4", "equivalent")]
    assert matches(ask("GET", TRANSLATE + "a").json) == [("1", "narrower")]
    assert matches(ask("GET", TRANSLATE + "b").json) == [("3", "wider")]
    written = ask("GET", "ConceptMap/m").json["group"][0]["element"]
    assert written[0]["target"][0]["comment"] == "as it was", "what a row does not say stays"
    assert written[-1] == {"code": "d", "target": [{"equivalence": "unmatched"}]}
    history = ask("GET", "ConceptMap/m/_history").json["entry"][0]
    said = history["response"]["outcome"]["issue"][0]["details"]["text"]
    assert said == "Updated as ConceptMap/m, version 2, by anna: review of May"


def test_a_table_is_a_body_too(ask: Client) -> None:
    table = (
        "change,source,relationship,target,target_display,comment\n"
        'add,c,equivalent,4,"Four, or more",new\n'
        "remove,b,,,,\n"
        ",e,relatedto,5,,\n"
    )
    answer = ask.client.post(
        "/fhir/r4/ConceptMap/m/$import?reason=table",
        data=table,
        content_type="text/csv; charset=utf-8",
        environ_overrides={"terminology.user": ask.user},
    )
    assert answer.status_code == 200, answer.json
    assert matches(ask("GET", TRANSLATE + "c").json) == [("4", "equivalent")]
    elements = ask("GET", "ConceptMap/m").json["group"][0]["element"]
    assert [element["code"] for element in elements] == ["a", "c", "e"], "all rows of b are gone"
    assert elements[1]["target"][0]["display"] == "Four, or more"
    for bad, says in (
        (table + "add,c,equivalent,4,,\n", "already"),
        ("colour,source\nred,a\n", "columns may be"),
        (table + "remove,a,,1,,,,,\n", "more cells"),
        ('change,source\nadd,"a\n', "not CSV"),
    ):
        refused: Any = ask.client.post(
            "/fhir/r4/ConceptMap/m/$import",
            data=bad,
            content_type="text/csv",
            environ_overrides={"terminology.user": ask.user},
        )
        assert 400 <= refused.status_code < 500
        assert any(says in issue["details"]["text"] for issue in refused.json["issue"]), refused.json


def test_one_row_that_is_not_possible_leaves_all_as_they_were(ask: Client) -> None:
    before = ask("GET", "ConceptMap/m").json
    rows = [
        row("add", "c", "4", "equivalent"),
        row("remove", "a", "9"),
        row("change", "z", "1"),
        row("add", "f", "6"),
    ]
    answer = ask("POST", "ConceptMap/m/$import", body_of(*rows))
    assert answer.status_code == 404
    assert expressions(answer) == [f"Parameters.parameter[{number}]" for number in (1, 2, 3)]
    assert ask("GET", "ConceptMap/m").json == before
    for bad in (row("drop", "a"), row("add", "a", "7", "same"), {"name": "row", "part": []}, {"name": "row"}):
        assert ask("POST", "ConceptMap/m/$import", body_of(bad)).status_code == 400
    assert ask("POST", "ConceptMap/m/$import", body_of()).status_code == 400


def test_a_word_of_r4_that_r5_lacks_comes_back(ask: Client) -> None:
    ask("POST", "ConceptMap/m/$import", body_of(row("add", "c", "4", "subsumes")))
    assert ask("GET", "ConceptMap/m").json["group"][0]["element"][-1]["target"] == [
        {"code": "4", "equivalence": "subsumes"}
    ]
    ask("POST", "r5/ConceptMap/m/$import", body_of(row("change", "c", "4", "equivalent")))
    assert ask("GET", "ConceptMap/m").json["group"][0]["element"][-1]["target"] == [
        {"code": "4", "equivalence": "equivalent"}
    ]


def test_a_row_between_other_code_systems_begins_a_group(ask: Client) -> None:
    other = row("add", "a", "x", "equivalent")
    other["part"][2]["valueCoding"]["system"] = "http://example.org/elsewhere"
    assert ask("POST", "ConceptMap/m/$import", body_of(other)).status_code == 200
    groups = ask("GET", "ConceptMap/m").json["group"]
    assert [group["target"] for group in groups] == [THERE, "http://example.org/elsewhere"]
    open_ = row("add", "q", "1", "equivalent")
    for part in open_["part"][1:3]:
        del part["valueCoding"]["system"]
    assert "several groups" in text_of(ask("POST", "ConceptMap/m/$import", body_of(open_)))
    gone = row("remove", "a", "x")
    gone["part"][2]["valueCoding"]["system"] = "http://example.org/elsewhere"
    ask("POST", "ConceptMap/m/$import", body_of(gone))
    assert len(ask("GET", "ConceptMap/m").json["group"]) == 1


def test_a_map_is_named_by_its_url_too(ask: Client) -> None:
    answer = ask("POST", f"ConceptMap/$import?url={MAP['url']}", body_of(row("add", "c", "4", "equal")))
    assert value(answer.json, "id") == "m"
    assert ask("POST", "ConceptMap/$import?url=urn:none", body_of(row("add", "c"))).status_code == 404
    assert ask("POST", "ConceptMap/none/$import", body_of(row("add", "c"))).status_code == 404
    late = ask("POST", "ConceptMap/m/$import", body_of(row("remove", "a")), If_Match='W/"1"')
    assert late.status_code == 412


def test_who_has_changed_which_row_and_why_can_be_asked(ask: Client, tmp_path: Path) -> None:
    bert = Client(str(tmp_path), User("bert", rights_of(["system/*.cruds"])))
    bert(
        "POST",
        "ConceptMap/m/$import",
        body_of(row("change", "a", "1", "wider"), reason={"valueString": "wrong"}),
    )
    ask("POST", "ConceptMap/m/$import", body_of(row("remove", "b", "2"), row("add", "c", "4", "equal")))
    rows = values(ask("GET", "ConceptMap/m/$row-history").json, "row")
    steps = [(value(r, "change"), value(r, "source")["code"], value(r, "who"), value(r, "why")) for r in rows]
    assert steps == [
        ("add", "c", "anna", None),
        ("remove", "b", "anna", None),
        ("change", "a", "bert", "wrong"),
        ("add", "a", "anna", None),
        ("add", "b", "anna", None),
        ("add", "b", "anna", None),
    ]
    (change,) = [r for r in rows if value(r, "change") == "change"]
    assert value(change, "previous") == "equivalent"
    assert value(change, "relationship") == "source-is-narrower-than-target"
    assert value(change, "versionId") == "2" and value(change, "when")
    of_a = values(ask("GET", "ConceptMap/m/$row-history?code=a&_count=2").json, "row")
    assert [value(r, "change") for r in of_a] == ["change"]
    assert ask("GET", "ConceptMap/none/$row-history").status_code == 404


def test_only_who_may_update_maps_may_import_rows(ask: Client, tmp_path: Path) -> None:
    reader = Client(str(tmp_path), User("ehr", rights_of(["system/*.rs"])))
    assert reader("POST", "ConceptMap/m/$import", body_of(row("remove", "a"))).status_code == 403
    assert reader("GET", "ConceptMap/m/$row-history").status_code == 200
    assert ask("GET", "ConceptMap/m/$import").status_code == 405
    off = Client(str(tmp_path), writes=False)
    assert off("POST", "ConceptMap/m/$import", body_of(row("remove", "a"))).status_code >= 400
    bundled = Client(str(tmp_path / "other"), bundled=True)
    published = bundled("GET", "ConceptMap?_count=1").json["entry"][0]["resource"]["id"]
    refused = bundled("POST", f"ConceptMap/{published}/$import", body_of(row("remove", "a")))
    assert refused.status_code == 409
