"""The file of upstreams, and ``terminology upstreams check``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from terminology import SettingError, Settings, Terminology, create_app
from terminology.catalogue.content import Content
from terminology.cli.commands import main
from terminology.upstreams.circuit import FAULTS, SECONDS
from terminology.upstreams.configuration import read_upstreams
from tests.support.builders import code_system, url_of
from tests.support.paths import ROOT
from tests.support.upstreams import answering, faulty, listening, upstreams_file

GOOD = {"name": "a", "base": "https://tx.example.org/fhir/r4", "canonicals": ["*"]}
SECRET = "s3cret-value"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "cannot be read as JSON"),
        ('{"upstreams": [], "upstreams": []}', "A JSON object has the key 'upstreams' twice"),
        ("[]", "should be a JSON object"),
        ("{}", "upstreams is missing: it should be a list of upstreams"),
        ('{"upstreams": []}', "upstreams is [], but should be a list of upstreams"),
        ('{"upstreams": ["x"]}', "upstreams[0] should be a JSON object"),
        ({"base": ...}, "upstreams[0].base is missing: it should be a URL such as"),
        ({"base": "ftp://x/"}, "upstreams[0].base is 'ftp://x/', but should be a URL"),
        ({"base": "https://me:word@x/"}, "without a password"),
        ({"base": "https://x/?a=b"}, "upstreams[0].base is"),
        ({"canonicals": ...}, "upstreams[0].canonicals is missing"),
        ({"canonicals": []}, "upstreams[0].canonicals is []"),
        ({"canonicals": "*"}, "upstreams[0].canonicals is '*'"),
        ({"fhirVersion": "3.0"}, "upstreams[0].fhirVersion is '3.0', but should be one of 4.0.1, 4.3.0"),
        ({"readTimeout": 0}, "upstreams[0].readTimeout is 0, but should be a number of seconds above 0"),
        (
            {"readTimeout": -0.5},
            "upstreams[0].readTimeout is -0.5, but should be a number of seconds above 0",
        ),
        ({"deadline": True}, "upstreams[0].deadline is True"),
        ({"largestAnswer": 0}, "upstreams[0].largestAnswer is 0"),
        ({"certificate": "nowhere.pem"}, "upstreams[0].certificate is 'nowhere.pem', but should be the path"),
        ({"key": "upstreams0.json"}, "upstreams[0].certificate is missing"),
        ({"proxy": "x"}, "upstreams[0].proxy is 'x'"),
        ({"name": "a b"}, "upstreams[0].name is 'a b'"),
        ({"colour": 1}, "upstreams[0].colour is not known; known: name, base, canonicals"),
        ({"credentials": {}}, "upstreams[0].credentials should have one of basic, bearer, header"),
        ({"credentials": {"bearer": SECRET}}, "upstreams[0].credentials.bearer should be a JSON object"),
        (
            {"credentials": {"bearer": {"secret": SECRET}}},
            'should be {"environment": NAME} or {"file": PATH}',
        ),
        ({"credentials": {"bearer": {"environment": "NOT_SET"}}}, "the variable NOT_SET is empty"),
        ({"credentials": {"bearer": {"file": "nowhere"}}}, "the file nowhere cannot be read"),
        ({"credentials": {"basic": {"user": "u"}}}, "credentials.basic should have user and password"),
        (
            {"credentials": {"header": {"name": "Host", "value": {"environment": "TOKEN"}}}},
            "credentials.header.name is 'Host', but should be the name of a header for credentials",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, content: Any, said: str) -> None:
    """No secret is repeated, and no service starts."""
    if isinstance(content, str):
        path = tmp_path / "upstreams.json"
        path.write_text(content)
    else:
        entry = {key: value for key, value in {**GOOD, **content}.items() if value is not ...}
        path = upstreams_file(tmp_path, entry)
    with pytest.raises(SettingError) as caught:
        read_upstreams(path, {"TOKEN": SECRET})
    assert str(path) in str(caught.value) and said in str(caught.value)
    assert SECRET not in str(caught.value)
    for command in (["serve", "--check"], ["upstreams", "check"], ["lookup", "x", "y"]):
        answer = CliRunner().invoke(main, [*command, "--upstreams", str(path)], env={"TOKEN": SECRET})
        assert answer.exit_code == 1 and str(path) in answer.output
        assert SECRET not in answer.output


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.json"
    for make in (
        lambda: create_app(Settings(upstreams=path)),
        lambda: Terminology(upstreams=path, bundled=False),
        lambda: Terminology(settings=Settings(upstreams=str(path)), bundled=False),
    ):
        with pytest.raises(SettingError, match=r"nowhere\.json: cannot be read: No such file"):
            make()


def test_two_upstreams_of_a_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="two upstreams have the name 'a'"):
        read_upstreams(upstreams_file(tmp_path, GOOD, GOOD))


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        ({"bearer": {"environment": "TOKEN"}}, {"Authorization": f"Bearer {SECRET}"}),
        ({"bearer": {"file": "token"}}, {"Authorization": f"Bearer {SECRET}"}),
        (
            {"basic": {"user": "me", "password": {"environment": "TOKEN"}}},
            {"Authorization": "Basic bWU6czNjcmV0LXZhbHVl"},
        ),
        ({"header": {"name": "X-Api-Key", "value": {"environment": "TOKEN"}}}, {"X-Api-Key": SECRET}),
    ],
)
def test_credentials_come_from_the_environment_or_a_file(
    tmp_path: Path, credentials: Any, header: dict[str, str]
) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    file = read_upstreams(upstreams_file(tmp_path, {**GOOD, "credentials": credentials}), {"TOKEN": SECRET})
    assert file.upstreams[0].credentials == header
    assert SECRET not in repr(file)


def test_the_example_of_the_page_is_read(tmp_path: Path) -> None:
    """And the page has every element of an upstream and of the file, with its default."""
    page = (ROOT / "docs" / "upstreams.md").read_text("utf-8")
    example, with_registry = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    (tmp_path / "upstreams.json").write_text(example)
    (tmp_path / "hospital.password").write_text("a")
    (tmp_path / "hospital-ca.pem").write_text("b")
    file = read_upstreams(tmp_path / "upstreams.json", {"NATIONAL_TX_TOKEN": "c"})
    national, hospital = file.upstreams
    assert (national.release, hospital.release and hospital.release.version) == (None, "5.0.0")
    assert (hospital.authorities, hospital.deadline) == (tmp_path / "hospital-ca.pem", 5)
    assert national.allows("http://snomed.info/sct?fhir_vs", None)
    assert file.cache_seconds == 600
    (tmp_path / "registries.json").write_text(with_registry)
    (registry,) = read_upstreams(tmp_path / "registries.json").registries
    assert registry.allows("http://hl7.org/fhir/administrative-gender", None)
    assert registry.allows_server("https://tx.fhir.org/r4")
    assert not registry.allows_server("https://tx.fhir.org.example.org/r4")
    assert (registry.release.version, registry.is_authoritative_only) == ("4.0.1", False)
    for row in (
        "| `connectTimeout`, `readTimeout` | ", f" | {national.connect_timeout}, {national.read_timeout} |",
        f" | {national.deadline} |", f" | {national.largest_answer:,} |", f" | {file.stale_seconds:,} |",
        f" | {file.cache_bytes:,} |", "`name`", "`certificate`, `key`", "`proxy`", "`id`", "`base`", "`canonicals`",
        "five faults in a row: the upstream is left alone for 30 seconds",
    ):  # fmt: skip
        assert row in page, row
    assert (FAULTS, SECONDS) == (5, 30)


def test_the_name_of_a_service_follows_from_its_file(tmp_path: Path) -> None:
    first, again = (read_upstreams(upstreams_file(tmp_path, GOOD)) for _ in range(2))
    assert first.id != again.id  # two files
    assert first.id == read_upstreams(tmp_path / "upstreams0.json").id
    assert read_upstreams(upstreams_file(tmp_path, GOOD, id="mine")).id == "mine"


def test_the_check_says_what_works_of_each_upstream(tmp_path: Path) -> None:
    app = create_app(Settings(bundled=False), catalogue=Content([code_system("birds", "owl")]))
    with listening(app) as address, faulty(answering("503 Away", b"")) as away:
        base = {"canonicals": [url_of("birds")]}
        path = upstreams_file(
            tmp_path,
            {**base, "name": "good", "base": f"{address}/r4"},
            {**base, "name": "other", "base": f"{address}/r5", "fhirVersion": "4.0.1"},
            {**base, "name": "away", "base": away.base},
        )
        answer = CliRunner().invoke(main, ["upstreams", "check", "--upstreams", str(path)])
    lines = answer.output.splitlines()
    assert answer.exit_code == 1
    assert lines[0].startswith("good: metadata works (") and "FHIR Terminology Adapter" in lines[0]
    assert lines[1].endswith(": 4.0.1") and lines[1].startswith("good: FHIR version works")
    assert lines[2].endswith(f"CodeSystem {url_of('birds')}: 1 found")
    assert "other: FHIR version FAILS" in lines[4] and "but the file says 4.0.1" in lines[4]
    assert lines[6].startswith("away: metadata FAILS") and "the status 503" in lines[6]
    assert len(lines) == 7


def test_the_check_of_what_works_has_the_exit_status_0(tmp_path: Path) -> None:
    with listening(create_app(Settings(bundled=False), catalogue=Content())) as address:
        path = upstreams_file(tmp_path, {"base": f"{address}/r4", "canonicals": ["*"]})
        answer = CliRunner().invoke(main, ["upstreams", "check", "--upstreams", str(path)])
    assert answer.exit_code == 0, answer.output
    assert CliRunner().invoke(main, ["upstreams", "check"]).exit_code == 1


def test_an_upstream_of_an_unknown_version_of_FHIR_is_a_fault(tmp_path: Path) -> None:
    statement = json.dumps({"resourceType": "CapabilityStatement", "fhirVersion": "3.0.2"}).encode()
    with faulty(answering("200 OK", statement)) as server:
        path = upstreams_file(tmp_path, {"name": "old", "base": server.base, "canonicals": ["*"]})
        client = create_app(Settings(upstreams=path, bundled=False), catalogue=Content()).test_client()
        answer = client.get("/fhir/r4/CodeSystem/$lookup?system=urn:x&code=y")
    assert answer.status_code == 503
    assert "has the FHIR version 3.0.2" in answer.get_json()["issue"][0]["details"]["text"]
