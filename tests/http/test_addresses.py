"""The URLs in answers are those under which clients know the service."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.catalogue.content import Content
from terminology.core.errors import SettingError
from tests.support.cats import CATS

PLAIN = "http://localhost/fhir"
X_FORWARDED = {
    "X-Forwarded-For": "192.0.2.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "tx.example.org",
    "X-Forwarded-Port": "8443",
    "X-Forwarded-Prefix": "/terminology",
}
FORWARDED = {"Forwarded": 'for=192.0.2.1;proto=https;host="tx.example.org:8443"'}
BOTH = {**X_FORWARDED, "Forwarded": "proto=https;host=elsewhere.example"}
ROOTS = ["", "/r4", "/r4b", "/r5"]


def client(**settings: Any) -> FlaskClient:
    given = Settings(environment={}, data="", bundled=False, **settings)
    return create_app(given, catalogue=Content([CATS])).test_client()


def urls_of(http: FlaskClient, root: str, headers: Mapping[str, str]) -> Iterator[str]:
    """Every URL of this server in its answers."""
    paths = (
        "/CodeSystem?_count=1",
        "/CodeSystem?_count=1&_offset=1",
        "/CodeSystem/cats/_history",
        "/metadata",
        "/metadata?mode=terminology",
    )
    for path in paths:
        response = http.get(f"/fhir{root}{path}", headers=dict(headers))
        assert response.status_code == 200
        yield from _urls_in(response.get_json())
    refused = http.get(f"/fhir{root}", headers=dict(headers)).get_json()
    yield from (word for word in json.dumps(refused).split() if "://" in word)


def _urls_in(node: Any, name: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _urls_in(value, key)
    elif isinstance(node, list):
        for each in node:
            yield from _urls_in(each, name)
    elif isinstance(node, str) and ("/fhir" in node or name == "fullUrl") and "://" in node:
        if not node.startswith(("http://hl7.org/", "http://terminology.hl7.org/", "https://tx.fhir.org")):
            yield node


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize(
    ("settings", "headers", "base"),
    [
        ({}, {}, PLAIN),
        ({}, X_FORWARDED, PLAIN),
        ({}, FORWARDED, PLAIN),
        ({"proxies": 1}, {}, PLAIN),
        ({"proxies": 1}, X_FORWARDED, "https://tx.example.org:8443/terminology/fhir"),
        ({"proxies": 1}, FORWARDED, PLAIN),
        ({"proxies": 1}, BOTH, "https://tx.example.org:8443/terminology/fhir"),
        ({"proxies": 1}, {"X-Forwarded-Host": "a.example, b.example"}, "http://b.example/fhir"),
        ({"proxies": 2}, {"X-Forwarded-Host": "a.example, b.example, c.example"}, "http://b.example/fhir"),
        ({"proxies": 2}, {"X-Forwarded-Host": "a.example"}, PLAIN),
        ({"proxies": 1, "proxy_headers": "forwarded"}, FORWARDED, "https://tx.example.org:8443/fhir"),
        ({"proxies": 1, "proxy_headers": "forwarded"}, X_FORWARDED, PLAIN),
        ({"proxies": 1, "proxy_headers": "forwarded"}, BOTH, "https://elsewhere.example/fhir"),
        ({"proxies": 1, "proxy_headers": "forwarded"}, {"Forwarded": 'host="a'}, PLAIN),
        (
            {"proxies": 2, "proxy_headers": "forwarded"},
            {"Forwarded": 'host=a.example, Host="b.example" ; proto=https,host=c.example'},
            "https://b.example/fhir",
        ),
        ({"base_url": "https://tx.example.org/x/fhir/"}, {}, "https://tx.example.org/x/fhir"),
        ({"base_url": "https://tx.example.org/fhir-x"}, X_FORWARDED, "https://tx.example.org/fhir-x"),
        (
            {"base_url": "https://tx.example.org/fhir-x", "proxies": 1},
            X_FORWARDED,
            "https://tx.example.org/fhir-x",
        ),
    ],
)
def test_URLs_follow_the_settings_and_headers_only_if_they_are_trusted(
    root: str, settings: dict[str, Any], headers: dict[str, str], base: str
) -> None:
    urls = list(urls_of(client(**settings), root, headers))
    assert len(urls) > 10
    for url in urls:
        assert url == f"{base}{root}" or url.startswith(f"{base}{root}/"), url


@pytest.mark.parametrize("headers", [X_FORWARDED, FORWARDED])
def test_a_client_is_known_by_its_own_address_where_proxies_are_trusted(headers: dict[str, str]) -> None:
    """Otherwise all clients of a proxy would share one quota."""
    kind = "x-forwarded" if headers is X_FORWARDED else "forwarded"
    for proxies, address in ((0, "127.0.0.1"), (1, "192.0.2.1")):
        settings = Settings(environment={}, data="", bundled=False, proxies=proxies, proxy_headers=kind)
        app = create_app(settings, catalogue=Content([CATS]))
        addresses: list[str] = []
        app.before_request(lambda seen=addresses: _note_address(seen))
        assert app.test_client().get("/fhir/r4/metadata", headers=headers).status_code == 200
        assert addresses == [address]


def _note_address(addresses: list[str]) -> None:
    from flask import request

    addresses.append(request.remote_addr or "")


def test_the_address_without_a_path_leads_to_the_base() -> None:
    assert client().get("/").headers["Location"] == "/fhir"
    assert client(proxies=1).get("/", headers=X_FORWARDED).headers["Location"] == "/terminology/fhir"
    assert (
        client(base_url="https://tx.example.org/fhir-x").get("/").headers["Location"]
        == "https://tx.example.org/fhir-x"
    )


def test_the_entries_of_a_batch_may_name_the_base_that_is_configured() -> None:
    http = client(base_url="https://tx.example.org/fhir-x")
    for url, status in (
        ("https://tx.example.org/fhir-x/r4", "200"),
        (f"{PLAIN}/r4", "400"),
        ("/fhir-x/r4", "200"),
    ):
        entry = {"request": {"method": "GET", "url": f"{url}/CodeSystem/cats"}}
        bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
        (answer,) = http.post("/fhir/r4", json=bundle).get_json()["entry"]
        assert answer["response"]["status"] == status


@pytest.mark.parametrize(
    "settings",
    [
        {"base_url": "tx.example.org/fhir"},
        {"base_url": "ftp://tx.example.org"},
        {"base_url": "https://tx.example.org/fhir?x=1"},
        {"base_url": "https:///fhir"},
        {"proxies": -1},
        {"proxies": "many"},
        {"proxy_headers": "via"},
    ],
)
def test_a_setting_of_addresses_that_cannot_be_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=next(iter(settings))):
        Settings(environment={}, **settings)
