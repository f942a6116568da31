"""Transactions: everything of a Bundle is written, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from terminology.core import issues
from terminology.core.errors import OverBudgetError
from terminology.core.users import User, rights_of
from terminology.store import store_at, write_log
from terminology.wire import many_requests
from terminology.wire.changes import Changes
from tests.support.builders import code_system, concept, value_set
from tests.support.writing import Client, bundle, expressions, text_of

SIZES = "http://example.org/sizes"
LOOKUP = f"CodeSystem/$lookup?system={SIZES}&code=s"
WORDS = code_system(SIZES, concept("s", "Small"))
ALL = value_set("all", {"system": SIZES})


@pytest.fixture
def ask(tmp_path: Path) -> Client:
    return Client(str(tmp_path))


def statuses(answer: Any) -> list[str]:
    return [entry["response"]["status"] for entry in answer.json["entry"]]


def test_all_entries_are_carried_out_in_fhirs_order(place: str) -> None:
    ask = Client(place)
    ask("PUT", "CodeSystem/old", code_system("old", "a", id="old"))
    answer = ask(
        "POST",
        "",
        bundle(
            ("GET", LOOKUP, None),
            ("PUT", "CodeSystem/sizes", {**WORDS, "id": "sizes"}),
            ("POST", "ValueSet", ALL),
            ("GET", f"ValueSet/$expand?url={ALL['url']}", None),
            ("DELETE", "CodeSystem/old", None),
        ),
    )
    assert answer.json["type"] == "transaction-response"
    assert statuses(answer) == ["200", "201", "201", "200", "204"]
    assert answer.json["entry"][3]["resource"]["expansion"]["total"] == 1
    assert answer.json["entry"][1]["response"]["location"].endswith("/CodeSystem/sizes/_history/1")
    assert ask("GET", LOOKUP).status_code == 200
    assert ask("GET", "CodeSystem/old").status_code == 410
    instants = {
        entry["response"]["lastModified"]
        for kind in ("CodeSystem", "ValueSet")
        for entry in ask("GET", f"{kind}/_history").json["entry"]
        if "/old" not in entry["fullUrl"]
    }
    assert len(instants) == 1, "they were written at one moment"


@pytest.mark.parametrize(
    "fault,status,place",
    [
        (("POST", "CodeSystem", code_system("b")), "409", "Bundle.entry[1].resource.url"),
        (("POST", "CodeSystem", {**WORDS, "status": "x"}), "400", "Bundle.entry[1].resource.status"),
        (("GET", "CodeSystem/never", None), "404", "Bundle.entry[1]"),
        (("GET", "CodeSystem/$lookup?system=urn:none&code=a", None), "404", "Bundle.entry[1]"),
        (("PUT", "ValueSet/other", {**ALL, "id": "x"}), "400", "Bundle.entry[1].resource.id"),
        (("PATCH", "ValueSet/other", None), "422", "Bundle.entry[1]"),
        (("POST", "$closure", {"resourceType": "Parameters"}), "422", "Bundle.entry[1]"),
    ],
)
def test_one_fault_leaves_everything_as_it_was(ask: Client, fault: Any, status: str, place: str) -> None:
    ask("PUT", "CodeSystem/b", code_system("b", "a", id="b"))
    answer = ask("POST", "", bundle(("PUT", "CodeSystem/sizes", {**WORDS, "id": "sizes"}), fault))
    assert str(answer.status_code) == status, answer.json
    assert place in expressions(answer)
    assert ask("GET", "CodeSystem/sizes").status_code == 404
    assert ask("GET", LOOKUP).status_code == 404
    assert ask("GET", "CodeSystem/_history").json["total"] == 1


def test_questions_alone_wait_for_no_writer(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who may only read cannot keep writers out; a write that waits too long is told why."""
    monkeypatch.setattr(write_log, "PATIENCE", 1)
    ask, writer = Client(place), Client(place)
    reader = Client(place, User("bob", rights_of(["system/*.rs"])))
    ask("PUT", "CodeSystem/sizes", {**WORDS, "id": "sizes"})
    with write_log.WriteLog(store_at(place)).writing():
        answer = reader("POST", "", bundle(("GET", LOOKUP, None), ("GET", "CodeSystem/sizes", None)))
        assert statuses(answer) == ["200", "200"]
        late = writer("PUT", "ValueSet/all", {**ALL, "id": "all"})
    assert (late.status_code, late.headers["Retry-After"]) == (503, "1")
    assert "Other writes are going on" in text_of(late)


def test_entries_name_one_another_by_urn(ask: Client) -> None:
    first, second = (
        "urn:uuid:6b6c0a0e-0000-4000-8000-000000000001",
        "urn:uuid:6b6c0a0e-0000-4000-8000-000000000002",
    )
    words = {**WORDS, "valueSet": second}
    part = value_set("part", {"system": SIZES, "concept": [{"code": "s"}]})
    whole = value_set("whole", {"valueSet": [second]})
    whole["extension"] = [{"url": "http://example.org/of", "valueReference": {"reference": first}}]
    answer = ask(
        "POST",
        "",
        bundle(
            ("POST", "CodeSystem", words),
            ("POST", "ValueSet", part),
            ("POST", "ValueSet", whole),
            _0=first,
            _1=second,
        ),
    )
    assert statuses(answer) == ["201"] * 3
    system, _, written = (entry["resource"] for entry in answer.json["entry"])
    assert system["valueSet"] == part["url"]
    assert written["compose"]["include"][0]["valueSet"] == [part["url"]]
    assert written["extension"][0]["valueReference"]["reference"] == f"CodeSystem/{system['id']}"
    assert ask("GET", f"ValueSet/$expand?url={whole['url']}").json["expansion"]["total"] == 1


def test_conditions_hold_in_a_transaction(ask: Client) -> None:
    created = bundle(("POST", "CodeSystem", WORDS))
    created["entry"][0]["request"]["ifNoneExist"] = f"url={SIZES}"
    assert statuses(ask("POST", "", created)) == ["201"]
    assert statuses(ask("POST", "", created)) == ["200"]
    updated = bundle(("PUT", f"CodeSystem?url={SIZES}", WORDS))
    updated["entry"][0]["request"]["ifMatch"] = 'W/"1"'
    assert statuses(ask("POST", "", updated)) == ["200"]
    late = ask("POST", "", updated)
    assert late.status_code == 412
    assert "is at version 2" in text_of(late)


def test_a_resource_is_written_once_in_a_transaction(ask: Client) -> None:
    twice = bundle(*[("PUT", "CodeSystem/sizes", {**WORDS, "id": "sizes"})] * 2)
    answer = ask("POST", "", twice)
    assert answer.status_code == 400
    assert expressions(answer) == ["Bundle.entry[1]"]
    moved = bundle(
        ("PUT", "CodeSystem/a", {**WORDS, "id": "a"}),
        ("POST", "CodeSystem", WORDS),
    )
    assert ask("POST", "", moved).status_code == 409, "two with one canonical"


def test_every_entry_needs_a_right_of_its_own(tmp_path: Path) -> None:
    ask = Client(str(tmp_path), User("half", rights_of(["system/CodeSystem.cruds"])))
    answer = ask("POST", "", bundle(("POST", "CodeSystem", WORDS), ("POST", "ValueSet", ALL)))
    assert answer.status_code == 403
    assert ask("GET", "CodeSystem/_history").json["total"] == 0
    answer = ask("POST", "", bundle(("POST", "CodeSystem", WORDS), ("POST", "ValueSet", ALL), type="batch"))
    assert statuses(answer) == ["201", "403"]
    assert ask("GET", LOOKUP).status_code == 200


def test_a_canonical_moves_from_one_resource_to_another(ask: Client) -> None:
    ask("PUT", "CodeSystem/a", {**WORDS, "id": "a"})
    moved = bundle(("POST", "CodeSystem", WORDS), ("DELETE", "CodeSystem/a", None))
    assert statuses(ask("POST", "", moved)) == ["201", "204"]


def test_an_empty_transaction_is_answered(ask: Client) -> None:
    answer = ask("POST", "", {"resourceType": "Bundle", "type": "transaction"})
    assert answer.json == {"resourceType": "Bundle", "type": "transaction-response"}


def test_a_conditional_deletion_is_carried_out_first(ask: Client) -> None:
    ask("PUT", "CodeSystem/old", code_system("http://example.org/x", "a", id="old"))
    answer = ask(
        "POST",
        "",
        bundle(
            ("POST", "CodeSystem", code_system("http://example.org/x", "b")),
            ("DELETE", "CodeSystem?url=http://example.org/x", None),
            ("DELETE", "CodeSystem?url=http://example.org/none", None),
            ("DELETE", "CodeSystem?url=http://example.org/none-either", None),
        ),
    )
    assert [entry["response"]["status"] for entry in answer.json["entry"]] == ["201", "204", "204", "204"]
    assert ask("GET", "CodeSystem/old").status_code == 410
    assert ask("GET", "CodeSystem?url=http://example.org/x").json["total"] == 1


def test_questions_are_refused_before_a_writer_is_awaited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that its user may not ask makes nobody wait, and leaves no trace."""
    ask = Client(str(tmp_path), User("bert", rights_of(["system/ValueSet.cud"])))
    begun: list[int] = []
    monkeypatch.setattr(Changes, "begun", lambda *_: begun.append(1))
    answer = ask(
        "POST",
        "",
        bundle(
            ("PUT", "ValueSet/v", value_set("v", {"system": "x"}, id="v")),
            ("GET", "CodeSystem/$lookup?system=x&code=y", None),
        ),
    )
    assert (answer.status_code, begun) == (403, [])
    assert expressions(answer) == ["Bundle.entry[1]"]


def test_a_write_that_is_done_is_said_although_its_bytes_cost_too_much(
    ask: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_costly(*_: Any) -> None:
        raise OverBudgetError(issues.over_budget(1))

    monkeypatch.setattr(many_requests, "part", too_costly)
    for kind in ("transaction", "batch"):
        resource = code_system(f"http://example.org/{kind}", "a")
        answer = ask("POST", "", bundle(("POST", "CodeSystem", resource), type=kind))
        (entry,) = answer.json["entry"]
        assert entry["response"]["status"] == "201" and "resource" not in entry
        assert entry["response"]["location"]
