"""What callers keep is theirs, and bounded: a full quota hits its owner, and a full server its biggest holder."""

from __future__ import annotations

import multiprocessing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from terminology import Settings, TerminologyError, create_app
from terminology.catalogue.content import Content
from terminology.core.model import Coding
from terminology.operations.closure import ClosureRequest, closure
from terminology.state import FILE, State
from terminology.state.callers import Caller, caller_of
from terminology.state.closures import Closures
from terminology.state.database import Database
from terminology.state.quota import StateBounds
from terminology.wire.sessions import Sessions
from tests.support.builders import body_of, code_system, coding, concept, tree
from tests.support.engine import catalogue_of

ANIMALS = "http://example.org/animals"
CATALOGUE = catalogue_of([code_system(ANIMALS, tree("animal", tree("mammal", tree("cat"), tree("dog"))))])

Json = dict[str, Any]


def begin(state: State, caller: Caller, name: str) -> None:
    closure(CATALOGUE, state.closures.of(caller), ClosureRequest(name))


def has(state: State, caller: Caller, name: str) -> bool:
    return state.closures.of(caller).table(name) is not None


ONE, TWO, THREE = (caller_of("", f"192.0.2.{number}") for number in (1, 2, 3))

# -- names belong to their callers ---------------------------------------------------------------


def open_client(folder: Path | str, **settings: Any) -> Any:
    return create_app(
        Settings(environment={}, data=str(folder), **settings), catalogue=CATALOGUE
    ).test_client()


def post(client: Any, *codes: str, name: str = "mine", version: str | None = None, **caller: Any) -> Any:
    nodes: list[Json] = [{"name": "name", "valueString": name}]
    nodes += [{**coding(code, ANIMALS), "name": "concept"} for code in codes]
    nodes += [{"name": "version", "valueString": version}] if version is not None else []
    headers = {"Authorization": caller["token"]} if "token" in caller else {}
    environ = {"REMOTE_ADDR": caller.get("address", "192.0.2.1")}
    return client.post("/fhir/r5/$closure", json=body_of(*nodes), headers=headers, environ_base=environ)


CALLERS: list[tuple[str, Json, Json]] = [
    ("by their addresses", {"address": "192.0.2.1"}, {"address": "192.0.2.2"}),
    ("by their credentials", {"token": "Bearer one"}, {"token": "Bearer two"}),
    ("with credentials and without", {"token": "Bearer one"}, {}),
]


@pytest.mark.parametrize("title,one,other", CALLERS, ids=[row[0] for row in CALLERS])
@pytest.mark.parametrize("kept", ["file", "memory"])
def test_the_same_name_of_another_caller_is_another_table(
    tmp_path: Path, kept: str, title: str, one: Json, other: Json
) -> None:
    client = open_client(tmp_path if kept == "file" else "")
    assert post(client, **one).status_code == 200
    assert post(client, "cat", "animal", **one).json["version"] == "1"
    assert post(client, "dog", **other).status_code == 404, "what another began is not there"
    assert post(client, **other).json["version"] == "0"
    assert post(client, version="0", **one).json["group"], "and another cannot restart it"


def test_credentials_are_the_same_caller_at_any_address(tmp_path: Path) -> None:
    client = open_client(tmp_path)
    post(client, token="Bearer one", address="192.0.2.1")
    assert post(client, "cat", token="Bearer one", address="192.0.2.2").status_code == 200


# -- quotas --------------------------------------------------------------------------------------


def test_a_full_quota_hits_its_owner_alone() -> None:
    state = State(bounds=StateBounds(items_of_caller=2))
    for name in ("a", "b"):
        begin(state, ONE, name)
    with pytest.raises(TerminologyError, match="One client may have at most 2 closure tables and caches"):
        begin(state, ONE, "c")
    assert has(state, ONE, "a") and has(state, ONE, "b")
    begin(state, TWO, "c")


def test_a_table_may_be_restarted_where_no_new_one_may_be_begun() -> None:
    state = State(bounds=StateBounds(items_of_caller=1))
    begin(state, ONE, "a")
    begin(state, ONE, "a")


def test_invented_credentials_share_the_quota_of_their_address() -> None:
    state = State(bounds=StateBounds(items_of_caller=20))
    with pytest.raises(TerminologyError, match="One client may have at most 20"):
        for number in range(21):
            begin(state, caller_of(f"Bearer {number}", "192.0.2.1"), "mine")
    begin(state, caller_of("Bearer 1", "192.0.2.2"), "other")


@pytest.mark.parametrize(
    "one,other",
    [("2001:db8::1", "2001:db8::ffff"), ("::ffff:192.0.2.1", "192.0.2.1"), ("192.0.2.1:80", "192.0.2.1:90")],
)
def test_addresses_that_one_client_can_vary_share_a_quota(one: str, other: str) -> None:
    assert caller_of("", one) == caller_of("", other)
    assert caller_of("", one) != caller_of("", "2001:db8:1::1") != caller_of("", "192.0.2.2")


def test_when_all_is_full_the_oldest_of_the_biggest_holder_goes() -> None:
    state = State(bounds=StateBounds(items=4))
    begin(state, TWO, "oldest of all")
    for name in ("a", "b", "c"):
        begin(state, ONE, name)
    begin(state, THREE, "new")
    assert not has(state, ONE, "a")
    assert has(state, ONE, "b") and has(state, TWO, "oldest of all") and has(state, THREE, "new")


def test_tables_and_caches_share_the_quota_of_bytes() -> None:
    # A quarter of a megabyte in memory.
    state = State(bounds=StateBounds(bytes_of_caller=2_000_000))
    kept = Sessions(state)
    large = code_system("urn:x", *(concept(f"code-{number:06}") for number in range(6_000)))
    kept.start(ONE, [large], True)
    with pytest.raises(TerminologyError, match="of one client may have at most 250,000 bytes"):
        kept.start(ONE, [large], True)
    begin(state, ONE, "small")
    kept.start(TWO, [large], True)


def test_a_cache_that_made_room_is_unknown_and_not_empty(tmp_path: Path) -> None:
    """Its client believes that the resources are still here."""
    kept = Sessions(State(tmp_path, StateBounds(items=2)))
    own_id = "0b4f7f8e-6c57-4d4e-9b6c-1f0c6f0e7a11"
    session = kept.adopt(own_id, ONE)
    kept.catalogue(Content(), session, [code_system("urn:x", concept("a"))])
    issued = kept.start(ONE, [], True)
    for _ in range(2):
        kept.start(TWO, [], True)
    for use in (lambda: kept.adopt(own_id, ONE), lambda: kept.find(issued.id, ONE)):
        with pytest.raises(TerminologyError) as refused:
            use()
        assert refused.value.issues[0].tx == "cache-id-unknown"


def test_the_quotas_are_settings(tmp_path: Path) -> None:
    client = open_client(tmp_path, largest_state_of_client=1_000)
    answers = [post(client, name=f"{number}") for number in range(10)]
    refused = answers[-1]
    assert answers[0].status_code == 200
    assert refused.status_code == 429
    assert "may have at most 1,000 bytes" in refused.json["issue"][0]["details"]["text"]


# -- the file ------------------------------------------------------------------------------------


def test_a_request_grows_the_file_by_a_small_multiple_of_its_size(tmp_path: Path) -> None:
    """A chain has a pair for each two concepts."""
    codes = [f"c{number}" for number in range(200)]
    chain = [{"code": code, "property": [_parent(above)]} for code, above in pairwise(reversed(codes))]
    tables = Closures(Database(tmp_path / FILE))
    closure(CATALOGUE, tables, ClosureRequest("mine"))
    before = _size(tmp_path)
    sent = [Coding(ANIMALS, code) for code in codes]
    added = closure(
        catalogue_of([code_system(ANIMALS, *chain, codes[0])]), tables, ClosureRequest("mine", sent)
    )
    assert len(added.entries) == 200 * 199 / 2
    tables.database.close()
    assert _size(tmp_path) - before < 4 * len(str([coding(code, ANIMALS) for code in codes]))
    assert tables.since("mine", 0) == list(added.entries)


def _parent(code: str) -> Json:
    return {"code": "parent", "valueCode": code}


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob(f"{FILE}*"))


def begin_many(folder: Path, address: str) -> None:
    state = State(folder, StateBounds(items=30, items_of_caller=25))
    for number in range(40):
        try:
            begin(state, caller_of("", address), f"{number}")
        except TerminologyError:
            assert number >= 20


def test_two_processes_share_the_quotas(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=begin_many, args=(tmp_path, f"192.0.2.{n}")) for n in (1, 2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    with State(tmp_path).database.reading() as connection:
        held = dict(connection.execute("SELECT caller, count(*) FROM held GROUP BY caller").fetchall())
    assert len(held) == 2 and sum(held.values()) == 30
    assert all(number <= 25 for number in held.values())
