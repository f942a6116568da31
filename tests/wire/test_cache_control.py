"""Does a cache of resources give the answers that sending them with every request gives?

The protocol is that of HL7's clients: ``POST $cache-control?mode=start``, then the header ``X-Cache-Id``; and
of older ones: the parameter ``cache-id`` with an id of their own.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from terminology import Settings, TerminologyError, create_app
from terminology.catalogue.content import Content
from terminology.catalogue.overlay import Overlay
from terminology.state import State
from terminology.state.callers import Caller
from terminology.state.database import Database
from terminology.state.quota import Quota, StateBounds
from terminology.state.sessions import SessionBounds, SessionRows
from terminology.wire.sessions import Sessions
from tests.support.builders import body_of, code_system, concept, concept_map, tx_resource

Json = dict[str, Any]
URL = "http://example.org/own"
ANYBODY = Caller("", "")


def system_of(*codes: str, url: str = URL, **more: Any) -> Json:
    return code_system(url, *(concept(code, f"Display of {code}") for code in codes), **more)


def map_with(equivalence: str) -> Json:
    """A ConceptMap as R4 has it."""
    target = {"code": "b", "equivalence": equivalence}
    return concept_map("http://example.org/map", URL, URL, [{"code": "a", "target": [target]}])


def body_with(*resources: Json, **values: Json) -> Json:
    return body_of(*map(tx_resource, resources), **values)


def open_client(folder: Path | str) -> Any:
    return create_app(Settings(environment={}, data=str(folder), r6=True), catalogue=Content()).test_client()


@pytest.fixture(params=["file", "memory"])
def client(request: Any, tmp_path: Any) -> Any:
    return open_client(tmp_path if request.param == "file" else "")


def control(client: Any, mode: str, sent: Json | None = None, release: str = "r5", **headers: str) -> Any:
    url = f"/fhir/{release}/$cache-control?mode={mode}"
    return client.post(
        url, json=sent or body_with(), headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def start(
    client: Any, *resources: Json, sealed: bool | None = None, release: str = "r5", **headers: str
) -> str:
    sent = body_with(*resources, **({} if sealed is None else {"sealed": {"valueBoolean": sealed}}))
    answer = control(client, "start", sent, release, **headers)
    assert answer.status_code == 200, answer.json
    id_: str = value(answer.json, "cache-id")
    return id_


def value(parameters: Json, name: str) -> Any:
    node = next(p for p in parameters["parameter"] if p["name"] == name)
    return next(v for key, v in node.items() if key.startswith("value"))


def lookup(client: Any, code: str, id_: str | None = None, sent: Json | None = None, **headers: str) -> Any:
    url = f"/fhir/r5/CodeSystem/$lookup?system={URL}&code={code}"
    named = {k.replace("_", "-"): v for k, v in headers.items()} | ({"X-Cache-Id": id_} if id_ else {})
    return client.get(url, headers=named) if sent is None else client.post(url, json=sent, headers=named)


def display(answer: Any) -> str:
    assert answer.status_code == 200, answer.json
    found: str = value(answer.json, "display")
    return found


def is_unknown(answer: Any) -> bool:
    issue = answer.json["issue"][0]
    coding = issue["details"].get("coding", [{}])[0]
    return bool(answer.status_code == 404 and coding.get("code") == "cache-id-unknown")


# -- start, use, end -----------------------------------------------------------------------------


def test_what_was_sent_once_is_there_for_every_request_with_the_id(client: Any) -> None:
    id_ = start(client, system_of("a"))
    assert display(lookup(client, "a", id_)) == "Display of a"
    assert display(lookup(client, "a", id_, body_with())) == "Display of a"
    assert lookup(client, "a").status_code == 404, "and for none without it"


def test_the_answers_are_those_of_sending_it_every_time(client: Any) -> None:
    resources = [
        system_of("a", "b", version="1"),
        system_of("a", version="2"),
        system_of("x", url="urn:x"),
    ]
    id_ = start(client, *resources)
    for url in (
        f"CodeSystem/$lookup?system={URL}&code=b&version=1",
        f"CodeSystem/$lookup?system={URL}&code=b",
        "CodeSystem/$lookup?system=urn:x&code=x",
        f"CodeSystem/$subsumes?system={URL}&version=1&codeA=a&codeB=b",
    ):
        inline = client.post(f"/fhir/r5/{url}", json=body_with(*resources))
        cached = client.get(f"/fhir/r5/{url}", headers={"X-Cache-Id": id_})
        assert (cached.status_code, cached.json) == (inline.status_code, inline.json)


def test_the_id_is_issued_here_and_hard_to_guess(client: Any) -> None:
    ids = {start(client) for _ in range(20)}
    assert len(ids) == 20
    assert min(map(len, ids)) >= 32


def test_an_id_that_was_given_out_is_as_good_in_the_parameter_cache_id(client: Any) -> None:
    id_ = start(client, system_of("a"))
    asked = f"/fhir/r5/CodeSystem/$lookup?system={URL}&code=a&cache-id={id_}"
    assert display(client.get(asked)) == "Display of a"
    assert display(lookup(client, "a", None, body_with(cache_id={"valueString": id_}))) == "Display of a"


def test_an_ended_cache_is_unknown(client: Any) -> None:
    id_ = start(client, system_of("a"))
    assert control(client, "end", X_Cache_Id=id_).status_code == 200
    assert is_unknown(lookup(client, "a", id_))
    assert is_unknown(control(client, "end", X_Cache_Id=id_))


def test_check_says_whether_a_cache_is_known(client: Any) -> None:
    id_ = start(client, sealed=False)
    checked = control(client, "check", X_Cache_Id=id_).json
    assert (value(checked, "cache-id"), value(checked, "sealed")) == (id_, False)
    assert value(checked, "idle-timeout") == 1800
    assert is_unknown(control(client, "check", X_Cache_Id="nobody-issued-this-id"))


def test_an_id_that_was_not_issued_is_refused_not_an_empty_cache(client: Any) -> None:
    """An id that was not issued is refused, and never taken for an empty cache."""
    resources = system_of("a")
    assert is_unknown(lookup(client, "a", "made-up-by-the-client-0123456789", body_with(resources)))
    assert is_unknown(lookup(client, "a", f"{start(client)}, {start(client)}", body_with(resources)))


def test_reads_and_metadata_need_no_cache(client: Any) -> None:
    for path in ("metadata", "$versions", "CodeSystem"):
        answer = client.get(f"/fhir/r5/{path}", headers={"X-Cache-Id": "not-known-any-more"})
        assert answer.status_code == 200


BAD = [
    ("no mode", "", 400),
    ("another mode", "?mode=stop", 400),
    ("an end without an id", "?mode=end", 400),
]


@pytest.mark.parametrize("title,query,status", BAD, ids=[row[0] for row in BAD])
def test_refused(client: Any, title: Any, query: Any, status: Any) -> None:
    answer = client.post(f"/fhir/r4/$cache-control{query}", json=body_with())
    assert (answer.status_code, answer.json["resourceType"]) == (status, "OperationOutcome")


def test_it_is_only_posted(client: Any) -> None:
    answer = client.get("/fhir/r4/$cache-control?mode=start")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST, OPTIONS")


@pytest.mark.parametrize("release", ["r4", "r4b", "r5", "r6"])
def test_the_capability_statement_lists_it_at_the_base(client: Any, release: Any) -> None:
    operations = client.get(f"/fhir/{release}/metadata").json["rest"][0]["operation"]
    listed = {operation["name"]: operation["definition"] for operation in operations}
    assert {"versions", "cache-control"} <= listed.keys()
    assert all(definition.startswith("http://") for definition in listed.values())


# -- sealed or not -------------------------------------------------------------------------------


def test_a_cache_is_sealed_unless_it_is_said_not_to_be(client: Any) -> None:
    id_ = start(client, system_of("a"))
    assert display(lookup(client, "new", id_, body_with(system_of("new")))) == "Display of new"
    assert lookup(client, "new", id_).status_code == 404, "what came with a request was for that request"
    assert display(lookup(client, "a", id_)) == "Display of a"


def test_an_unsealed_cache_grows_by_what_requests_bring(client: Any) -> None:
    id_ = start(client, sealed=False)
    assert display(lookup(client, "a", id_, body_with(system_of("a")))) == "Display of a"
    assert display(lookup(client, "a", id_)) == "Display of a"
    other = system_of("x", url="urn:x")
    lookup(client, "a", id_, body_with(other))
    answer = client.get("/fhir/r5/CodeSystem/$lookup?system=urn:x&code=x", headers={"X-Cache-Id": id_})
    assert display(answer) == "Display of x"


def test_it_grows_also_when_the_request_that_brings_more_fails(client: Any) -> None:
    """The client will not send it again."""
    id_ = start(client, sealed=False)
    assert lookup(client, "unknown", id_, body_with(system_of("a"))).status_code == 404
    assert display(lookup(client, "a", id_)) == "Display of a"


def test_the_same_canonical_sent_again_replaces_what_was_there(client: Any) -> None:
    id_ = start(client, system_of("a", version="1"), sealed=False)
    lookup(client, "a", id_)
    lookup(client, "b", id_, body_with(system_of("b", version="1")))
    assert display(lookup(client, "b", id_)) == "Display of b"
    assert lookup(client, "a", id_).status_code == 404


def test_what_is_compiled_stays_compiled_when_a_cache_grows() -> None:
    system = system_of("a")
    base = Content()
    overlay = Overlay.of(base, [system])
    compiled = overlay.find_system(URL)
    more = overlay.resources.replaced([system_of("x", url="urn:x")])
    assert Overlay(base, more).find_system(URL) is compiled
    other = overlay.resources.replaced([system_of("b")])
    assert Overlay(base, other).find_system(URL) is not compiled


@pytest.mark.parametrize("word", ["equal", "subsumes", "inexact"])
def test_resources_are_of_the_release_they_are_sent_to(client: Any, word: Any) -> None:
    """An R4 word that R5 has not comes back as it was; and R5 is given R5's."""
    id_ = start(client, map_with(word), system_of("a", "b"), release="r4")
    query = f"url=http://example.org/map&system={URL}&code=a"
    answer = client.get(f"/fhir/r4/ConceptMap/$translate?{query}", headers={"X-Cache-Id": id_}).json
    match = next(p for p in answer["parameter"] if p["name"] == "match")
    assert next(part["valueCode"] for part in match["part"] if part["name"] == "equivalence") == word
    answer = client.get(f"/fhir/r5/ConceptMap/$translate?{query}", headers={"X-Cache-Id": id_}).json
    match = next(p for p in answer["parameter"] if p["name"] == "match")
    assert "relationship" in [part["name"] for part in match["part"]]


def test_decimals_keep_their_digits(client: Any) -> None:
    system = system_of("a", property=[{"code": "weight", "type": "decimal"}])
    text = str(body_with(system)).replace("'", '"')
    with_decimal = text.replace(
        '"code": "a"', '"code": "a", "property": [{"code": "weight", "valueDecimal": 1.50}]'
    )
    answer = client.post(
        "/fhir/r5/$cache-control?mode=start", data=with_decimal, content_type="application/fhir+json"
    )
    found = lookup(client, "a", value(answer.json, "cache-id"))
    assert "1.50" in found.text


def test_a_batch_is_asked_with_the_cache_of_its_request(client: Any) -> None:
    id_ = start(client, system_of("a"))
    entry = {"request": {"method": "GET", "url": f"CodeSystem/$lookup?system={URL}&code=a"}}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
    answer = client.post("/fhir/r5", json=bundle, headers={"X-Cache-Id": id_})
    assert value(answer.json["entry"][0]["resource"], "display") == "Display of a"


# -- who may use it, how much, and for how long ----------------------------------------------------


def test_a_cache_is_for_the_credentials_that_started_it(client: Any) -> None:
    id_ = start(client, system_of("a"), Authorization="Bearer one")
    assert display(lookup(client, "a", id_, Authorization="Bearer one")) == "Display of a"
    assert is_unknown(lookup(client, "a", id_, Authorization="Bearer two"))
    assert is_unknown(lookup(client, "a", id_))
    assert is_unknown(control(client, "end", X_Cache_Id=id_, Authorization="Bearer two"))


def test_credentials_are_not_written_down(tmp_path: Any) -> None:
    start(open_client(tmp_path), system_of("a"), Authorization="Bearer very-secret")
    assert b"very-secret" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def sessions(clock: Any = time.time, quota: Json | None = None, **bounds: Any) -> Sessions:
    state = State()
    allowed = Quota(StateBounds(**quota or {}))
    state.sessions = SessionRows(Database(), allowed, SessionBounds(**bounds), clock)
    return Sessions(state)


def test_a_cache_ends_when_it_is_idle() -> None:
    now = [1000.0]
    kept = sessions(lambda: now[0], idle=100)
    used, idle = (kept.start(ANYBODY, [system_of("a")], True) for _ in range(2))
    for _ in range(5):
        now[0] += 60
        kept.find(used.id, ANYBODY)
    with pytest.raises(TerminologyError, match="is unknown or has expired"):
        kept.find(idle.id, ANYBODY)


def test_idle_caches_make_room() -> None:
    now = [1000.0]
    kept = sessions(lambda: now[0], {"items_of_caller": 1}, idle=100)
    kept.start(ANYBODY, [], True)
    with pytest.raises(TerminologyError, match="One client may have at most 1 closure tables and caches"):
        kept.start(ANYBODY, [], True)
    now[0] += 101
    kept.start(ANYBODY, [], True)


LARGE = system_of(*(f"code-{n:06}" for n in range(12_000)))  # more than half a megabyte

LIMITS = [
    ("the number", {"items_of_caller": 2}, "One client may have at most 2 closure tables and caches"),
    (
        "the bytes",
        {"bytes_of_caller": 1_000_000},
        "All closure tables and caches of one client may have at most 1,000,000 bytes",
    ),
    (
        "all bytes",
        {"bytes": 500_000, "bytes_of_caller": 1_000_000},
        "All closure tables and caches together may have at most 500,000 bytes",
    ),
]


@pytest.mark.parametrize("title,bounds,says", LIMITS, ids=[row[0] for row in LIMITS])
def test_a_refusal_says_the_bound(title: Any, bounds: Any, says: Any) -> None:
    kept = sessions(quota=bounds)
    first = kept.start(ANYBODY, [], True)
    with pytest.raises(TerminologyError) as refused:
        for _ in range(2):
            kept.start(ANYBODY, [LARGE], True)
    assert says in refused.value.issues[0].text
    assert refused.value.issues[0].code == "throttled"
    if "bytes" not in bounds:
        assert kept.find(first.id, ANYBODY), "what there was stays"


def test_one_cache_is_bounded() -> None:
    kept = sessions(megabytes=1)
    session = kept.start(ANYBODY, [LARGE], False)
    with pytest.raises(TerminologyError, match="A cache may have at most 1,000,000 bytes"):
        kept.catalogue(Content(), session, [LARGE])


def test_one_caller_cannot_take_the_room_of_another() -> None:
    kept = sessions(quota={"items_of_caller": 1})
    kept.start(Caller("", "one"), [], True)
    with pytest.raises(TerminologyError):
        kept.start(Caller("", "one"), [], True)
    kept.start(Caller("", "two"), [], True)


def test_a_process_holds_some_caches_compiled_and_reads_the_others_again() -> None:
    state = State()
    kept = Sessions(state, room=1)
    base = Content()
    started = [kept.start(ANYBODY, [system_of(f"c{n}")], True) for n in range(3)]
    for _ in range(2):
        for n, session in enumerate(started):
            system = kept.catalogue(base, session).find_system(URL)
            assert system is not None and system.locate(f"c{n}") is not None
    assert len(kept._overlays) == 1


def test_a_cache_is_seen_before_new_content_as_it_was_before_the_old() -> None:
    kept = sessions()
    session = kept.start(ANYBODY, [system_of("own")], True)
    for served in ("old", "new"):
        base = Content([system_of(served, url="urn:served")])
        seen = kept.catalogue(base, session)
        assert seen.find_system(URL) is not None
        system = seen.find_system("urn:served")
        assert system is not None and system.locate(served) is not None


# -- several workers -----------------------------------------------------------------------------


def test_workers_with_the_same_folder_have_the_same_caches(tmp_path: Any) -> None:
    one, two = open_client(tmp_path), open_client(tmp_path)
    id_ = start(one, system_of("a"), sealed=False)
    assert display(lookup(two, "a", id_)) == "Display of a"
    lookup(two, "a", id_, body_with(system_of("x", url="urn:x")))
    answer = one.get("/fhir/r5/CodeSystem/$lookup?system=urn:x&code=x", headers={"X-Cache-Id": id_})
    assert display(answer) == "Display of x"
    control(two, "end", X_Cache_Id=id_)
    assert is_unknown(lookup(one, "a", id_))


def test_many_threads_add_to_one_cache_and_lose_nothing(tmp_path: Any) -> None:
    kept = Sessions(State(tmp_path))
    base = Content()
    session = kept.start(ANYBODY, [], False)
    failures: list[str] = []

    def work(part: int) -> None:
        for n in range(10):
            url = f"urn:{part}-{n}"
            current = kept.find(session.id, ANYBODY)
            if kept.catalogue(base, current, [system_of("a", url=url)]).find_system(url) is None:
                failures.append(url)

    threads = [threading.Thread(target=work, args=(part,)) for part in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    seen = kept.catalogue(base, kept.find(session.id, ANYBODY))
    assert len(list(seen.documents("CodeSystem"))) == 60


# -- clients that make the id themselves -----------------------------------------------------------

OWN_ID = "0b4f7f8e-6c57-4d4e-9b6c-1f0c6f0e7a11"


def with_id(id_: str, *resources: Json) -> Json:
    return body_with(*resources, cache_id={"valueString": id_})


def test_a_clients_own_id_is_taken_where_it_can_be_kept(tmp_path: Any) -> None:
    client = open_client(tmp_path)
    assert display(lookup(client, "a", sent=with_id(OWN_ID, system_of("a")))) == "Display of a"
    assert display(lookup(client, "a", sent=with_id(OWN_ID))) == "Display of a"
    again = open_client(tmp_path)
    assert display(lookup(again, "a", sent=with_id(OWN_ID))) == "Display of a"
    assert lookup(client, "a", sent=with_id(OWN_ID[::-1])).status_code == 404


def test_it_is_advertised_where_it_is_taken(tmp_path: Any) -> None:
    for folder, taken in ((tmp_path, True), ("", False)):
        capabilities = open_client(folder).get("/fhir/r4/metadata?mode=terminology").json
        names = [parameter["name"] for parameter in capabilities["expansion"]["parameter"]]
        assert ("cache-id" in names) is taken


def test_in_memory_it_has_no_effect_so_that_nothing_can_be_lost_in_silence() -> None:
    client = open_client("")
    assert display(lookup(client, "a", sent=with_id(OWN_ID, system_of("a")))) == "Display of a"
    assert lookup(client, "a", sent=with_id(OWN_ID)).status_code == 404


def test_an_id_that_can_be_guessed_is_refused(tmp_path: Any) -> None:
    answer = lookup(open_client(tmp_path), "a", sent=with_id("1", system_of("a")))
    assert answer.status_code == 400
    assert "hard to guess" in answer.json["issue"][0]["details"]["text"]


def test_an_id_that_was_issued_may_come_as_the_parameter_too(tmp_path: Any) -> None:
    client = open_client(tmp_path)
    id_ = start(client, system_of("a"))
    assert display(lookup(client, "a", sent=with_id(id_))) == "Display of a"


def test_a_clients_own_id_that_has_ended_is_refused_and_not_begun_anew(tmp_path: Any) -> None:
    """Its client believes that the resources are still here."""
    now = [1000.0]
    state = State(tmp_path)
    bounds = SessionBounds(idle_of_clients=100, remembered=1000)
    state.sessions = SessionRows(state.database, None, bounds, lambda: now[0])
    kept = Sessions(state)
    kept.catalogue(Content(), kept.adopt(OWN_ID, ANYBODY), [system_of("a")])
    now[0] += 101
    for _ in range(2):
        with pytest.raises(TerminologyError) as refused:
            kept.adopt(OWN_ID, ANYBODY)
        assert refused.value.issues[0].tx == "cache-id-unknown"
        kept.start(ANYBODY, [], True)


def test_the_own_ids_of_different_owners_are_different_caches(tmp_path: Any) -> None:
    kept = Sessions(State(tmp_path))
    one, two = kept.adopt(OWN_ID, Caller("one")), kept.adopt(OWN_ID, Caller("two"))
    kept.catalogue(Content(), one, [system_of("a")])
    assert kept.catalogue(Content(), two).find_system(URL) is None


# -- $versions -----------------------------------------------------------------------------------


def versions(client: Any, path: str, **headers: str) -> tuple[list[str], str]:
    parameters = client.get(path, headers=headers).json["parameter"]
    assert all(list(node) == ["name", "valueCode"] for node in parameters), "both are of the type code"
    default = [node["valueCode"] for node in parameters if node["name"] == "default"]
    assert len(default) == 1, "the default is 1..1"
    return [node["valueCode"] for node in parameters if node["name"] == "version"], default[0]


@pytest.mark.parametrize("root,version", [("r4", "4.0"), ("r4b", "4.3"), ("r5", "5.0"), ("r6", "6.0")])
def test_a_root_of_one_release_speaks_that_one(client: Any, root: Any, version: Any) -> None:
    assert versions(client, f"/fhir/{root}/$versions") == ([version], version)


def test_the_root_without_a_release_speaks_all_and_says_which_unasked(client: Any) -> None:
    every = ["4.0", "4.3", "5.0", "6.0"]
    assert versions(client, "/fhir/$versions") == (every, "4.0")
    asked = "application/fhir+json; fhirVersion=5.0"
    assert versions(client, "/fhir/$versions", Accept=asked) == (every, "4.0")


def test_the_cache_of_a_closure_may_be_named_by_a_parameter_as_anywhere(client: Any) -> None:
    id_ = start(client, system_of("a", "b"))
    name = {"name": "name", "valueString": "t"}
    concept = {"name": "concept", "valueCoding": {"system": URL, "code": "a"}}
    cache = {"name": "cache-id", "valueString": id_}
    for nodes in ([name], [name, concept, cache]):
        sent = {"resourceType": "Parameters", "parameter": nodes}
        assert client.post("/fhir/r5/$closure", json=sent).status_code == 200


def test_versions_are_told_whatever_cache_a_client_names(client: Any) -> None:
    assert client.get("/fhir/r5/$versions", headers={"X-Cache-Id": "no-such-cache"}).status_code == 200
