"""What clients write: create, update, delete, their conditions, and who may do it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from terminology import SettingError, Settings, create_app
from terminology.core.errors import TerminologyError
from terminology.core.users import ANYBODY, User, rights_of
from terminology.wire.edge import require_id
from tests.support.builders import code_system, concept, concept_map, value_set
from tests.support.writing import Client, expressions, text_of

SIZES = "http://example.org/sizes"
LOOKUP = f"CodeSystem/$lookup?system={SIZES}&code="


@pytest.fixture
def ask(tmp_path: Path) -> Client:
    return Client(str(tmp_path))


def sizes(*codes: str, **elements) -> dict:
    return code_system(SIZES, *(concept(code, code.upper()) for code in codes), **elements)


# -- the interactions ----------------------------------------------------------------------------


def test_what_is_created_is_answered_from_at_the_next_request(place: str) -> None:
    ask = Client(place)
    assert ask("GET", LOOKUP + "s").status_code == 404
    created = ask("POST", "CodeSystem", sizes("s"))
    assert created.status_code == 201
    id_ = created.json["id"]
    assert created.headers["Location"] == f"http://localhost/fhir/r4/CodeSystem/{id_}/_history/1"
    assert created.headers["ETag"] == 'W/"1"'
    assert created.headers["Last-Modified"]
    assert created.json["meta"]["versionId"] == "1"
    assert ask("GET", LOOKUP + "s").json["parameter"][1]["valueString"] == "S"
    assert ask("GET", f"CodeSystem/{id_}").json == created.json
    assert ask("GET", f"CodeSystem?url={SIZES}").json["total"] == 1
    again = Client(place)
    assert again("GET", f"CodeSystem/{id_}").json == created.json, "after a restart"


def test_an_update_is_seen_by_every_operation(place: str) -> None:
    ask, other = Client(place), Client(place)
    all_sizes = value_set("all-sizes", {"system": SIZES}, id="all")
    to_words = concept_map("to-words", SIZES, "words", [{"code": "s", "target": [{"code": "small"}]}])
    for element in to_words["group"][0]["element"]:
        element["target"][0]["equivalence"] = "equivalent"
    assert ask("PUT", "CodeSystem/sizes", sizes("s", id="sizes")).status_code == 201
    assert ask("PUT", "ValueSet/all", all_sizes).status_code == 201
    assert ask("PUT", "ConceptMap/words", {**to_words, "id": "words"}).status_code == 201
    expand = f"ValueSet/$expand?url={all_sizes['url']}"
    validate = f"ValueSet/$validate-code?url={all_sizes['url']}&system={SIZES}&code=l"
    translate = f"ConceptMap/$translate?system={SIZES}&code=l&targetsystem=http://example.org/words"
    for client in (ask, other):
        answers = [client("GET", question).json for question in (expand, validate, translate)]
        assert answers[0]["expansion"]["total"] == 1
        assert [p["valueBoolean"] for a in answers[1:] for p in a["parameter"] if p["name"] == "result"] == [
            False,
            False,
        ]
    updated = ask("PUT", "CodeSystem/sizes", sizes("s", "l", id="sizes"))
    assert updated.status_code == 200
    assert updated.headers["ETag"] == 'W/"2"'
    to_words["group"][0]["element"].append(
        {"code": "l", "target": [{"code": "large", "equivalence": "equivalent"}]}
    )
    assert ask("PUT", "ConceptMap/words", {**to_words, "id": "words"}).status_code == 200
    for client in (ask, other):
        answers = [client("GET", question).json for question in (expand, validate, translate)]
        assert answers[0]["expansion"]["total"] == 2
        assert [p["valueBoolean"] for a in answers[1:] for p in a["parameter"] if p["name"] == "result"] == [
            True,
            True,
        ]


def test_a_deleted_resource_is_gone_and_its_history_is_there(place: str) -> None:
    ask = Client(place)
    ask("PUT", "CodeSystem/sizes", sizes("s", id="sizes"))
    assert ask("GET", LOOKUP + "s").status_code == 200
    deleted = ask("DELETE", "CodeSystem/sizes", X_Change_Reason="not needed any more")
    assert deleted.status_code == 204 and not deleted.data
    assert ask("GET", LOOKUP + "s").status_code == 404
    for path in ("CodeSystem/sizes", "CodeSystem/sizes/_history/2"):
        assert ask("GET", path).status_code == 410
    assert ask("GET", "CodeSystem/sizes/_history/1").json["concept"][0]["code"] == "s"
    history = ask("GET", "CodeSystem/sizes/_history").json
    assert [entry["request"]["method"] for entry in history["entry"]] == ["DELETE", "PUT"]
    assert "resource" not in history["entry"][0]
    said = history["entry"][0]["response"]["outcome"]["issue"][0]["details"]["text"]
    assert said == "Deleted as CodeSystem/sizes, version 2, by anna: not needed any more"
    assert ask("DELETE", "CodeSystem/sizes").status_code == 204, "a second time there is nothing to do"
    assert ask("DELETE", "CodeSystem/never").status_code == 204
    assert ask("PUT", "CodeSystem/sizes", sizes("m", id="sizes")).headers["ETag"] == 'W/"3"'


def test_a_resource_comes_out_of_each_release_as_it_came(ask: Client) -> None:
    r4 = concept_map("m", SIZES, "words", [], id="m", sourceUri="http://example.org/vs/a")
    r4["group"][0]["element"] = [
        {"code": "s", "target": [{"code": "small", "equivalence": "wider", "comment": "1.50"}]},
        {"code": "x", "target": [{"equivalence": "unmatched"}]},
    ]
    came = ask("PUT", "ConceptMap/m", r4).json
    assert {**came, "meta": None} == {**r4, "meta": None}
    assert ask("GET", "ConceptMap/m").json == came
    r5 = ask("GET", "r5/ConceptMap/m").json
    assert r5["group"][0]["element"][0]["target"][0]["relationship"] == "source-is-narrower-than-target"
    r5["additionalAttribute"] = [{"code": "place", "uri": "http://example.org/place", "type": "string"}]
    written = ask("PUT", "r5/ConceptMap/m", r5).json
    assert ask("GET", "r5/ConceptMap/m").json == written
    assert ask("GET", "ConceptMap/m/_history/1").json == came


def test_the_history_of_a_type_has_pages(ask: Client) -> None:
    for number in range(5):
        ask("PUT", "CodeSystem/sizes", sizes(f"s{number}", id="sizes"))
    ask("POST", "CodeSystem", code_system("other", "a"))
    ids: list[str] = []
    path = "CodeSystem/_history?_count=4"
    while path:
        page = ask("GET", path).json
        assert page["total"] == 6
        ids += [entry["response"]["etag"] for entry in page.get("entry", ())]
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        path = following[0].partition("/fhir/r4/")[2] if following else ""
    assert ids == ['W/"1"', 'W/"5"', 'W/"4"', 'W/"3"', 'W/"2"', 'W/"1"']
    assert ask("GET", "ValueSet/_history").json["total"] == 0
    since = ask("GET", "CodeSystem/sizes/_history?_since=2999-01-01T00:00:00Z").json
    assert since["total"] == 0
    for wrong in ("yesterday", "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"):
        assert ask("GET", f"CodeSystem/_history?_since={wrong}").status_code == 400


def test_a_date_that_means_no_moment_is_ignored_in_a_condition(ask: Client) -> None:
    ask("PUT", "CodeSystem/sizes", sizes("s", id="sizes"))
    for wrong in (
        "Mon, 01 Jan 2024 00:00:00 +9999999999999",
        "Mon, 99 Jan 99999999999 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 +1400",
        "9999-12-31T23:59:59-14:00",
    ):
        assert ask("GET", "CodeSystem/sizes", If_Modified_Since=wrong).status_code == 200, wrong
        entry = {"request": {"method": "GET", "url": "CodeSystem/sizes", "ifModifiedSince": wrong}}
        batch = ask("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": [entry]})
        assert batch.json["entry"][0]["response"]["status"] in ("200", "400"), wrong


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_what_clients_wrote_is_not_for_every_user_of_the_machine(tmp_path: Path) -> None:
    Client(str(tmp_path))("PUT", "CodeSystem/sizes", sizes("s", id="sizes"))
    files = list(tmp_path.glob("writes.sqlite*"))
    assert files and not any(file.stat().st_mode & 0o007 for file in files)


# -- conditions ----------------------------------------------------------------------------------


def test_an_update_of_another_version_than_expected_is_refused(ask: Client) -> None:
    ask("PUT", "CodeSystem/sizes", sizes("s", id="sizes"))
    good = ask("PUT", "CodeSystem/sizes", sizes("m", id="sizes"), If_Match='W/"1"')
    assert good.status_code == 200
    late = ask("PUT", "CodeSystem/sizes", sizes("l", id="sizes"), If_Match='W/"1"')
    assert late.status_code == 412
    assert "is at version 2" in text_of(late)
    assert ask("PUT", "CodeSystem/new", sizes("l", id="new"), If_Match='W/"1"').status_code == 412
    assert ask("PUT", "CodeSystem/sizes", sizes("l", id="sizes"), If_Match="one").status_code == 400
    assert ask("PUT", "CodeSystem/sizes", sizes("l", id="sizes"), If_None_Match="*").status_code == 412
    assert ask("DELETE", "CodeSystem/sizes", If_Match='W/"1"').status_code == 412
    assert ask("GET", "CodeSystem/sizes").json["concept"][0]["code"] == "m"


def test_a_conditional_create_happens_once(ask: Client) -> None:
    first = ask("POST", "CodeSystem", sizes("s"), If_None_Exist=f"url={SIZES}")
    assert first.status_code == 201
    second = ask("POST", "CodeSystem", sizes("m"), If_None_Exist=f"url={SIZES}")
    assert second.status_code == 200
    assert second.headers["Location"].endswith(f"/CodeSystem/{first.json['id']}")
    ask("POST", "CodeSystem", sizes("s", version="2"))
    several = ask("POST", "CodeSystem", sizes("m", version="3"), If_None_Exist=f"url={SIZES}")
    assert several.status_code == 412
    assert ask("POST", "CodeSystem", sizes("m", version="3"), If_None_Exist="").status_code == 412
    unknown = ask("POST", "CodeSystem", sizes("m", version="3"), If_None_Exist="colour=red")
    assert unknown.status_code == 400


def test_a_conditional_update_finds_its_resource(ask: Client) -> None:
    created = ask("PUT", f"CodeSystem?url={SIZES}", sizes("s"))
    assert created.status_code == 201
    updated = ask("PUT", f"CodeSystem?url={SIZES}", sizes("m"))
    assert (updated.status_code, updated.json["id"]) == (200, created.json["id"])
    other = ask("PUT", f"CodeSystem?url={SIZES}", sizes("m", id="another"))
    assert other.status_code == 409
    assert ask("PUT", "CodeSystem", sizes("m")).status_code == 412


@pytest.mark.parametrize(
    "wish,kind",
    [("minimal", None), ("representation", "CodeSystem"), ("OperationOutcome", "OperationOutcome")],
)
def test_a_client_gets_back_what_it_prefers(ask: Client, wish: str, kind: str | None) -> None:
    answer = ask("POST", "CodeSystem", sizes("s"), Prefer=f"return={wish}")
    assert answer.status_code == 201
    assert answer.headers["ETag"] == 'W/"1"'
    assert (answer.json["resourceType"] if answer.data else None) == kind


# -- what is refused -----------------------------------------------------------------------------


def test_only_who_has_the_right_may_write(tmp_path: Path) -> None:
    place = str(tmp_path)
    for user, status in (
        (User("", frozenset()), 401),
        (User("ehr", rights_of(["system/*.rs"])), 403),
        (ANYBODY, 403),
    ):
        ask = Client(place, user)
        for method, path, body in (
            ("POST", "CodeSystem", sizes("s")),
            ("PUT", "CodeSystem/sizes", sizes("s", id="sizes")),
            ("DELETE", "CodeSystem/sizes", None),
        ):
            answer = ask(method, path, body)
            assert answer.status_code == status
            assert answer.json["resourceType"] == "OperationOutcome"
    assert Client(place)("GET", f"CodeSystem?url={SIZES}").json["total"] == 0
    creator = Client(place, User("c", rights_of(["system/CodeSystem.c"])))
    assert creator("POST", "CodeSystem", sizes("s")).status_code == 201
    assert creator("PUT", "CodeSystem/sizes", sizes("s", id="sizes", version="2")).status_code == 403
    assert creator("POST", "ValueSet", value_set("v", {"system": SIZES})).status_code == 403


def test_nothing_can_be_written_unless_the_setting_says_so(tmp_path: Path) -> None:
    ask = Client(str(tmp_path), writes=False)
    assert ask("POST", "CodeSystem", sizes("s")).status_code == 405
    assert ask("PUT", "CodeSystem/s", sizes("s", id="s")).status_code == 405
    assert ask("DELETE", "CodeSystem/s").status_code == 405
    body = {"resourceType": "Bundle", "type": "transaction"}
    assert ask("POST", "", body).status_code == 422
    with pytest.raises(SettingError, match="needs a 'store'"):
        create_app(Settings(environment={}, bundled=False, writes=True))


def test_a_refusal_names_every_fault_with_its_place(ask: Client) -> None:
    bad = sizes("s", status="open", colour="red", version="1|2")
    bad["concept"] += [{"display": "no code"}, {"code": "s", "property": [{"code": "p"}]}]
    answer = ask("POST", "CodeSystem", bad)
    assert answer.status_code == 400
    assert set(expressions(answer)) >= {
        "CodeSystem.status",
        "CodeSystem.colour",
        "CodeSystem.version",
        "CodeSystem.concept[1].code",
    }
    repeated = ask("POST", "CodeSystem", sizes("s", "m", "s"))
    assert repeated.status_code == 400
    assert expressions(repeated) == ["CodeSystem.concept[2].code"]
    nameless = sizes("s")
    del nameless["url"]
    assert expressions(ask("POST", "CodeSystem", nameless)) == ["CodeSystem.url"]
    empty = value_set("v", {"concept": [{"code": "a"}]})
    assert expressions(ask("POST", "ValueSet", empty)) == ["ValueSet.compose.include[0]"]
    lonely = concept_map("m", SIZES, "w", [{"target": [{"code": "x", "equivalence": "equal"}]}])
    assert expressions(ask("POST", "ConceptMap", lonely)) == ["ConceptMap.group[0].element[0]"]
    assert ask("GET", "CodeSystem/_history").json["total"] == 0


def test_a_body_that_is_not_the_resource_of_the_address_is_refused(ask: Client) -> None:
    assert ask("POST", "CodeSystem").status_code == 400
    assert ask("POST", "CodeSystem", value_set("v", {"system": SIZES})).status_code == 400
    assert ask("PUT", "CodeSystem/a", sizes("s", id="b")).status_code == 400
    assert ask("PUT", "CodeSystem/a", sizes("s")).status_code == 400
    assert ask("PUT", "CodeSystem/a_b", sizes("s", id="a_b")).status_code == 400
    assert ask("PUT", "NamingSystem/a", {"resourceType": "NamingSystem", "id": "a"}).status_code == 405
    assert ask("POST", "CodeSystem", sizes("s"), X_Change_Reason="x" * 1_001).status_code == 400
    assert ask("POST", "CodeSystem", [1]).status_code == 400


def test_a_canonical_has_one_resource(ask: Client, tmp_path: Path) -> None:
    ask("PUT", "CodeSystem/a", sizes("s", id="a", version="1"))
    second = ask("PUT", "CodeSystem/b", sizes("s", id="b", version="1"))
    assert second.status_code == 409
    assert "CodeSystem/a" in text_of(second)
    assert ask("PUT", "CodeSystem/b", sizes("m", id="b", version="2")).status_code == 201
    assert ask("PUT", "CodeSystem/b", sizes("m", id="b", version="1")).status_code == 409
    versioned = ask("GET", f"{LOOKUP}m").json["parameter"]
    assert {"name": "version", "valueString": "2"} in versioned
    assert ask("GET", f"{LOOKUP}s&version=1").status_code == 200
    ask("DELETE", "CodeSystem/a")
    assert ask("PUT", "CodeSystem/b", sizes("m", id="b", version="1")).status_code == 200


def test_content_that_is_not_written_cannot_be_changed(tmp_path: Path) -> None:
    ask = Client(str(tmp_path), bundled=True)
    cpt = ask("GET", "CodeSystem?url=http://www.ama-assn.org/go/cpt").json["entry"][0]["resource"]
    answer = ask("PUT", f"CodeSystem/{cpt['id']}", {**sizes("s"), "id": cpt["id"]})
    assert answer.status_code == 409
    assert "clients cannot change" in text_of(answer)
    assert ask("DELETE", f"CodeSystem/{cpt['id']}").status_code == 409
    same = code_system(cpt["url"], "a", version=cpt["version"])
    assert ask("POST", "CodeSystem", same).status_code == 409
    assert ask("GET", f"CodeSystem/{cpt['id']}/_history").json["total"] == 1


def test_the_statement_declares_what_can_be_written(ask: Client, tmp_path: Path) -> None:
    def interactions(client: Client) -> dict[str, set[str]]:
        rest = client("GET", "metadata").json["rest"][0]
        own = {r["type"]: {i["code"] for i in r["interaction"]} for r in rest["resource"]}
        return own | {"": {i["code"] for i in rest["interaction"]}}

    on, off = interactions(ask), interactions(Client(str(tmp_path), writes=False))
    writing = {"create", "update", "delete", "history-type"}
    assert writing <= on["ValueSet"]
    assert not writing & on["NamingSystem"]
    assert not (writing - {"history-type"}) & off["ValueSet"]
    assert "transaction" in on[""] and "transaction" not in off[""]


@pytest.mark.parametrize("id_", [".", ".."])
def test_an_id_that_no_address_can_have_is_refused(id_: str) -> None:
    with pytest.raises(TerminologyError, match="cannot be an id"):
        require_id(id_)
    require_id("...")


# -- conditional deletion, what is not offered, the history of all --------------------------------


def test_a_conditional_deletion_deletes_the_one_that_matches(place: str) -> None:
    ask = Client(place)
    created = ask("POST", "CodeSystem", sizes("s"))
    done = ask("DELETE", f"CodeSystem?url={SIZES}&_format=json", If_Match='W/"1"')
    assert (done.status_code, done.headers["ETag"]) == (204, 'W/"2"')
    assert ask("GET", f"CodeSystem/{created.json['id']}").status_code == 410
    assert ask("DELETE", f"CodeSystem?url={SIZES}").status_code == 204, "there is none any more"


@pytest.mark.parametrize(
    "query,status", [("", 412), ("?_format=json", 412), ("?colour=red", 400), ("?url=", 412)]
)
def test_a_deletion_without_a_criterion_deletes_nothing(ask: Client, query: str, status: int) -> None:
    ask("POST", "CodeSystem", sizes("s"))
    assert ask("DELETE", f"CodeSystem{query}").status_code == status
    assert ask("GET", LOOKUP + "s").status_code == 200


def test_a_conditional_deletion_of_several_or_another_version_is_refused(ask: Client) -> None:
    ask("POST", "CodeSystem", sizes("s", version="1"))
    ask("POST", "CodeSystem", sizes("s", version="2"))
    several = ask("DELETE", f"CodeSystem?url={SIZES}")
    assert several.status_code == 412 and "2 resources match" in text_of(several)
    other = ask("DELETE", f"CodeSystem?url={SIZES}&version=2", If_Match='W/"7"')
    assert other.status_code == 412
    assert ask("GET", f"CodeSystem?url={SIZES}").json["total"] == 2


def test_a_conditional_deletion_of_other_content_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sizes.json").write_text(json.dumps(sizes("s")))
    ask = Client(str(tmp_path / "store"), content=[tmp_path / "sizes.json"])
    refused = ask("DELETE", f"CodeSystem?url={SIZES}")
    assert refused.status_code == 409 and "clients cannot change or delete it" in text_of(refused)


def test_a_conditional_deletion_needs_the_right_to_delete(tmp_path: Path) -> None:
    Client(str(tmp_path))("POST", "CodeSystem", sizes("s"))
    for scope, status in (("system/CodeSystem.cru", 403), ("system/CodeSystem.rds", 204)):
        ask = Client(str(tmp_path), User("bert", rights_of([scope])))
        assert ask("DELETE", f"CodeSystem?url={SIZES}").status_code == status
    off = Client(str(tmp_path), writes=False)
    assert off("DELETE", f"CodeSystem?url={SIZES}").status_code == 405


def test_a_PATCH_is_told_what_there_is_instead(ask: Client, tmp_path: Path) -> None:
    for path, said in (("CodeSystem/x", "PUT CodeSystem/[id]"), ("ConceptMap/x", "ConceptMap/[id]/$import")):
        refused = ask("PATCH", path, [{"op": "remove", "path": "/title"}])
        assert (refused.status_code, refused.json["issue"][0]["code"]) == (405, "not-supported")
        assert said in text_of(refused) and "PUT" in refused.headers["Allow"]
    assert ask("PATCH", "CodeSystem?url=x", []).status_code == 405
    off = Client(str(tmp_path), writes=False)("PATCH", "CodeSystem/x", [])
    assert off.status_code == 405 and "use GET or HEAD" in text_of(off)


def test_the_history_of_all_types_needs_the_right_to_all(tmp_path: Path) -> None:
    ask = Client(str(tmp_path))
    ask("PUT", "CodeSystem/s", sizes("s", id="s"))
    ask("PUT", "ValueSet/v", value_set("v", {"system": SIZES}, id="v"))
    ask("DELETE", "CodeSystem/s")
    history = ask("GET", "_history").json
    assert [entry["request"]["method"] for entry in history["entry"]] == ["DELETE", "PUT", "PUT"]
    page = ask("GET", "_history?_count=2").json
    assert (page["total"], len(page["entry"])) == (3, 2)
    following = next(link["url"] for link in page["link"] if link["relation"] == "next")
    rest = ask("GET", following.partition("/fhir/r4/")[2]).json
    assert [entry["request"]["url"] for entry in rest["entry"]] == ["CodeSystem/s"]
    few = Client(str(tmp_path), User("bert", rights_of(["system/CodeSystem.rs"])))
    assert few("GET", "_history").status_code == 403
    assert create_app(Settings()).test_client().get("/fhir/r4/_history").status_code == 404


def test_the_statement_tells_the_truth_about_conditions_and_histories(ask: Client) -> None:
    rest = ask("GET", "metadata").json["rest"][0]
    assert "history-system" in {interaction["code"] for interaction in rest["interaction"]}
    node = next(resource for resource in rest["resource"] if resource["type"] == "ValueSet")
    assert node["conditionalDelete"] == "single" and node["conditionalRead"] == "full-support"
    assert node["readHistory"] is True
    assert not {"patch", "conditionalPatch"} & {*node, *(i["code"] for i in node["interaction"])}
    plain: Any = create_app(Settings()).test_client().get("/fhir/r4/metadata").json
    for own in plain["rest"][0]["resource"]:
        assert "conditionalDelete" not in own and own["readHistory"] is False
    assert "history-system" not in {interaction["code"] for interaction in plain["rest"][0]["interaction"]}
