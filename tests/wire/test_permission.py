"""Who may do what: every route asks for a right, and says which one is missing."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.users import ANYBODY, User, rights_of
from terminology.state import State
from terminology.wire.exchange import Context, Request, Response
from terminology.wire.fhir_versions import RELEASES
from terminology.wire.rest import respond
from terminology.wire.sessions import Sessions
from tests.support.builders import body_of

GENDER = "system=http://hl7.org/fhir/administrative-gender&code=male"
NOBODY = User("", frozenset())
# A request of each kind, and the right that it needs.
NEEDS = [
    ("GET", "CodeSystem", "system/CodeSystem.s"),
    ("GET", "CodeSystem/administrative-gender", "system/CodeSystem.r"),
    ("HEAD", "CodeSystem/administrative-gender", "system/CodeSystem.r"),
    ("GET", "CodeSystem/administrative-gender/_history", "system/CodeSystem.r"),
    ("GET", "CodeSystem/administrative-gender/_history/1", "system/CodeSystem.r"),
    ("POST", "ValueSet/_search", "system/ValueSet.s"),
    ("GET", "NamingSystem", "system/NamingSystem.s"),
    ("GET", "CodeSystem/$lookup", "system/CodeSystem.r"),
    ("POST", "CodeSystem/$batch-validate-code", "system/CodeSystem.r"),
    ("GET", "ValueSet/x/$expand", "system/ValueSet.r"),
    ("GET", "ConceptMap/$translate", "system/ConceptMap.r"),
    ("POST", "$closure", "system/CodeSystem.r"),
    ("POST", "$cache-control", "system/CodeSystem.r"),
]


def ask(catalogue: Catalogue, method: str, path: str, user: User, release: str = "r4", body=None) -> Response:
    state, place = State(), RELEASES[release]
    context = Context(
        catalogue.for_fhir(place.version), place, f"http://x/fhir/{release}", state, Sessions(state)
    )
    query = parse_qsl(path.partition("?")[2])
    return respond(context, Request(method, path.partition("?")[0], query, body, user=user))


def text_of(response: Response) -> str:
    return (response.resource or {})["issue"][0]["details"]["text"]


@pytest.mark.parametrize("method,path,right", NEEDS, ids=[f"{m} {p}" for m, p, _ in NEEDS])
def test_every_route_needs_a_right_that_its_refusal_names(catalogue, method, path, right) -> None:
    without = ask(catalogue, method, path, NOBODY)
    assert without.status == 401
    assert without.headers["WWW-Authenticate"].startswith("Bearer")
    assert (without.resource or {})["issue"][0]["code"] == "login"
    assert f"'{right}'" in text_of(without)
    others = rights_of(["system/*.cud"])
    forbidden = ask(catalogue, method, path, User("ehr", others))
    assert forbidden.status == 403
    assert (forbidden.resource or {})["issue"][0]["code"] == "forbidden"
    assert f"'{right}'" in text_of(forbidden)
    assert "'ehr'" in text_of(forbidden)
    assert ask(catalogue, method, path, User("ehr", rights_of([right]))).status not in (401, 403)


@pytest.mark.parametrize("path", ["metadata", "metadata?mode=terminology", "$versions"])
def test_what_the_service_can_do_is_open_to_everybody(catalogue, path) -> None:
    assert ask(catalogue, "GET", path, NOBODY).status == 200


def test_a_right_below_one_root_is_none_below_another(catalogue) -> None:
    user = User("ehr", rights_of(["system/*.rs"], roots=["r5"]))
    assert ask(catalogue, "GET", f"CodeSystem/$lookup?{GENDER}", user, "r5").status == 200
    assert ask(catalogue, "GET", f"CodeSystem/$lookup?{GENDER}", user, "r4").status == 403


def test_credentials_that_do_not_count_say_why(catalogue) -> None:
    user = User("", frozenset(), issues.unexpected("7"))
    answer = ask(catalogue, "GET", f"CodeSystem/$lookup?{GENDER}", user)
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert "7" in text_of(answer)


def test_the_entries_of_a_batch_are_asked_by_its_user(catalogue) -> None:
    entries = [
        {"request": {"method": "GET", "url": url}} for url in ("CodeSystem?_count=0", "ValueSet?_count=0")
    ]
    batch = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    user = User("ehr", rights_of(["system/ValueSet.s"]))
    answer = ask(catalogue, "POST", "", user, body=batch).resource or {}
    assert [entry["response"]["status"] for entry in answer["entry"]] == ["403", "200"]
    assert ask(catalogue, "POST", "", NOBODY, body=batch).status == 401


def test_where_nobody_is_asked_who_they_are_everybody_may_read(catalogue) -> None:
    assert ask(catalogue, "GET", f"CodeSystem/$lookup?{GENDER}", ANYBODY).status == 200
    assert not any(ANYBODY.may(word, "ValueSet", "r4") for word in ("create", "update", "delete"))


def test_tables_and_caches_belong_to_the_user_whatever_the_token_is(catalogue) -> None:
    state = State()
    release = RELEASES["r4"]
    context = Context(
        catalogue.for_fhir(release.version), release, "http://x/fhir/r4", state, Sessions(state)
    )

    def closure(user: User, **values) -> int:
        body = body_of(name={"valueString": "a"}, **values)
        return respond(context, Request("POST", "$closure", body=body, user=user, address="192.0.2.1")).status

    rights = rights_of(["system/*.rs"])
    assert closure(User("ehr", rights)) == 200
    assert closure(User("ehr", rights), version={"valueString": "0"}) == 200
    assert closure(User("lab", rights), version={"valueString": "0"}) == 404
    assert closure(ANYBODY, version={"valueString": "0"}) == 404
