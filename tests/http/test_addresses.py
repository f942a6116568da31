"""The URLs in answers are those under which clients know the service."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from terminology import Settings, create_app
from terminology.catalogue.content import Content
from terminology.core.errors import SettingError
from terminology.http.addresses import hosts_of
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


# -- the address and the fast path ---------------------------------------------------------------

MAP = {
    "resourceType": "ConceptMap",
    "id": "cats-to-dogs",
    "url": "http://x.org/ConceptMap/cats-to-dogs",
    "status": "active",
    "group": [
        {
            "source": CATS["url"],
            "target": "http://x.org/dogs",
            "element": [{"code": "tabby", "target": [{"code": "spaniel", "relationship": "equivalent"}]}],
        }
    ],
}
ADDRESSES = ["http://a.example", "https://a.example", "http://b.example:8080", "http://a.example/x"]


def translation_of_location(location: str) -> str:
    return f"/fhir/r4/ConceptMap/$translate?url={location}&system={CATS['url']}&code=tabby"


def environ_of(address: str) -> dict[str, str]:
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return {"wsgi.url_scheme": scheme, "HTTP_HOST": host, "SCRIPT_NAME": slash + path}


def headers_of(address: str) -> dict[str, str]:
    parts = environ_of(address)
    said = {"Proto": parts["wsgi.url_scheme"], "Host": parts["HTTP_HOST"], "Prefix": parts["SCRIPT_NAME"]}
    return {f"X-Forwarded-{name}": value for name, value in said.items() if value}


def forwarded_of(address: str) -> dict[str, str]:
    parts = environ_of(address)
    return {"Forwarded": f'proto={parts["wsgi.url_scheme"]};host="{parts["HTTP_HOST"]}"'}


def app_with_a_map(**settings: Any) -> Any:
    given = Settings(environment={}, data="", bundled=False, **settings)
    return create_app(given, catalogue=Content([CATS, MAP]))


def found(answers: Iterable[tuple[str, str, int]]) -> list[tuple[str, str]]:
    """The pairs of an address in a location and the address of the request that were answered."""
    return [(named, asked) for named, asked, status in answers if status == 200]


@pytest.mark.parametrize("base", ["", "/r4", "/r5"])
@pytest.mark.parametrize(
    ("settings", "headers", "addresses"),
    [
        ({}, None, ADDRESSES),
        ({"proxies": 1}, headers_of, ADDRESSES),
        ({"proxies": 1, "proxy_headers": "forwarded"}, forwarded_of, ADDRESSES[:3]),
    ],
)
def test_a_location_is_answered_below_the_address_of_the_request_alone(
    base: str, settings: dict[str, Any], headers: Any, addresses: list[str]
) -> None:
    """Whatever requests came before it: each pair of addresses is asked for in two orders, and again."""
    http = app_with_a_map(**settings).test_client()
    pairs = list(product(addresses, addresses))
    for order in (pairs, pairs[::-1], pairs):
        answers = []
        for named, asked in order:
            path = translation_of_location(f"{named}/fhir{base}/ConceptMap/cats-to-dogs")
            if headers is None:
                response = http.get(path, environ_overrides=environ_of(asked))
            else:
                response = http.get(path, headers=headers(asked))
            answers.append((named, asked, response.status_code))
        assert sorted(found(answers)) == sorted((each, each) for each in addresses)


def test_an_application_that_is_mounted_twice_has_two_addresses() -> None:
    app = app_with_a_map()
    http = Client(DispatcherMiddleware(app, {"/a": app, "/b": app}))
    mounts = ["", "/a", "/b"]
    for _ in range(2):
        answers = []
        for named, asked in product(mounts, mounts):
            path = translation_of_location(f"http://localhost{named}/fhir/r4/ConceptMap/cats-to-dogs")
            answers.append((named, asked, http.get(f"{asked}{path}").status_code))
        assert sorted(found(answers)) == [(each, each) for each in mounts]


# -- malformed addresses -------------------------------------------------------------------------

MALFORMED_HOSTS = ['a"b<c>', "evil/x?y", "a:b:c", "[::1", "", "a b", "a:99999999", "user@host", "a,b"]


@pytest.mark.parametrize("path", ["/", "/fhir", "/fhir/r4/CodeSystem", "/fhir/metadata"])
@pytest.mark.parametrize("host", MALFORMED_HOSTS)
def test_a_malformed_host_is_refused(path: str, host: str) -> None:
    response = client().get(path, environ_overrides={"HTTP_HOST": host})
    assert response.status_code == 400
    assert "Host" in response.get_json()["issue"][0]["details"]["text"]


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("tx_1.example.org", "http://tx_1.example.org/fhir"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000/fhir"),
        ("[::1]:80", "http://[::1]/fhir"),
    ],
)
def test_a_host_may_be_a_name_or_an_address_with_a_port(host: str, base: str) -> None:
    response = client().get("/fhir/r4/CodeSystem", environ_overrides={"HTTP_HOST": host})
    assert response.get_json()["link"][0]["url"].startswith(f"{base}/r4/")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Proto", "javascript"),
        ("Proto", "ftp"),
        ("Port", "abc"),
        ("Port", "99999"),
        ("Prefix", "p"),
        ("Prefix", "//evil.example"),
        ("Prefix", "/\\evil.example"),
        ("Host", "a/b"),
    ],
)
def test_an_address_of_a_proxy_that_cannot_be_is_refused(name: str, value: str) -> None:
    headers = {f"X-Forwarded-{name}": value}
    for path in ("/", "/fhir/r4/CodeSystem"):
        assert client(proxies=1).get(path, headers=headers).status_code == 400
        assert client().get(path, headers=headers).status_code in (200, 302)
    for forwarded in ("proto=javascript", 'host="a/b"'):
        http = client(proxies=1, proxy_headers="forwarded")
        assert http.get("/fhir/r4/CodeSystem", headers={"Forwarded": forwarded}).status_code == 400


@pytest.mark.parametrize(
    ("name", "port", "base"),
    [
        ("tx.example.org", "80", "http://tx.example.org/fhir"),
        ("::1", "5000", "http://[::1]:5000/fhir"),
        ("/run/terminology.sock", "", "http://localhost/fhir"),
    ],
)
def test_without_a_host_the_server_says_its_own_name(name: str, port: str, base: str) -> None:
    """HTTP/1.0 allows it."""
    app = app_with_a_map()

    def without_host(environ: Any, start_response: Any) -> Iterable[bytes]:
        del environ["HTTP_HOST"]
        environ |= {"SERVER_NAME": name, "SERVER_PORT": port}
        return app(environ, start_response)

    response = Client(without_host).get("/fhir/r4/CodeSystem")
    assert response.get_json()["link"][0]["url"].startswith(f"{base}/r4/")


def test_the_scheme_of_a_proxy_is_read_without_case() -> None:
    response = client(proxies=1).get("/fhir/r4/CodeSystem", headers={"X-Forwarded-Proto": "HTTPS"})
    assert response.get_json()["link"][0]["url"].startswith("https://localhost/fhir/r4/")


def test_a_prefix_is_written_as_a_url_has_it() -> None:
    response = client(proxies=1).get("/fhir/r4/CodeSystem", headers={"X-Forwarded-Prefix": "/a b<"})
    assert response.get_json()["link"][0]["url"].startswith("http://localhost/a%20b%3C/fhir/r4/")


@pytest.mark.parametrize(
    ("settings", "host", "status"),
    [
        ({}, "anything.example", 200),
        ({"hosts": ["tx.example.org"]}, "tx.example.org", 200),
        ({"hosts": ["tx.example.org"]}, "TX.example.org:8443", 200),
        ({"hosts": "a.example,tx.example.org"}, "tx.example.org", 200),
        ({"hosts": ["tx.example.org"]}, "localhost:5000", 200),
        ({"hosts": ["tx.example.org"]}, "[::1]", 200),
        ({"hosts": ["tx.example.org"]}, "evil.example", 421),
        ({"hosts": ["tx.example.org"]}, "tx.example.org.evil.example", 421),
        ({"hosts": ["localhost"], "base_url": "https://tx.example.org/fhir"}, "tx.example.org", 200),
        ({"hosts": ["localhost"], "base_url": "https://tx.example.org/fhir"}, "evil.example", 421),
        ({"hosts": ["*"]}, "evil.example", 200),
    ],
)
def test_a_name_is_taken_as_the_setting_says(settings: dict[str, Any], host: str, status: int) -> None:
    for path in ("/fhir/r4/metadata", "/fhir/r5/CodeSystem/cats", "/"):
        response = client(**settings).get(path, headers={"Host": host})
        assert response.status_code in (status, 302)
        assert (response.status_code == 421) is (status == 421)
        if status == 421:
            assert "'hosts'" in response.get_json()["issue"][0]["details"]["text"]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ["localhost"]),
        ({"host": "localhost"}, ["localhost"]),
        ({"host": "::1"}, ["localhost"]),
        ({"host": "0.0.0.0"}, []),
        ({"host": "192.0.2.1"}, []),
        ({"proxies": 1}, []),
        ({"proxies": 1, "hosts": ["tx.example.org"]}, ["tx.example.org"]),
        ({"host": "0.0.0.0", "hosts": ["tx.example.org"]}, ["tx.example.org"]),
    ],
)
def test_a_service_of_this_machine_alone_takes_its_own_names(
    settings: dict[str, Any], names: list[str]
) -> None:
    assert list(hosts_of(Settings(environment={}, **settings))) == names


@pytest.mark.parametrize(
    ("origin", "cors_origin", "status"),
    [
        ("http://localhost:3000", "", 200),
        ("http://tx.example.org", "", 200),
        ("https://app.example.org", "", 403),
        ("https://app.example.org", "https://app.example.org", 200),
        ("https://other.example.org", "https://app.example.org", 403),
        ("https://other.example.org", "*", 200),
        ("null", "", 403),
        ("http://[", "", 403),
    ],
)
def test_a_page_of_another_origin_is_refused_where_names_are_checked(
    origin: str, cors_origin: str, status: int
) -> None:
    headers = {"Origin": origin, "Host": "tx.example.org"}
    own = client(hosts=["tx.example.org"], cors_origin=cors_origin)
    path = "/fhir/r4/CodeSystem/$lookup?system=http://example.org/CodeSystem/cats&code=cat"
    for asked in (
        own.get(path, headers=headers),
        own.get(path, headers=headers),
        own.post(path, headers=headers),
    ):
        assert asked.status_code == status
    assert client(cors_origin=cors_origin).get(path, headers=headers).status_code == 200


def test_a_browser_that_asks_first_is_answered_for_any_origin() -> None:
    own = client(hosts=["localhost"])
    for origin, allowed in (
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://app.example", None),
    ):
        asked = own.options(
            "/fhir/r4/metadata",
            headers={
                "Origin": origin,
                "Host": "localhost",
                "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": "x-requested-with",
            },
        )
        assert asked.status_code == 204
        assert "X-Requested-With" in asked.headers["Access-Control-Allow-Headers"]
        assert asked.headers.get("Access-Control-Allow-Origin") == allowed
