"""The test-harness mode: what is fixed, what says so, and that nothing of it works without the setting."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from terminology import Settings, Terminology, create_app
from terminology.core.errors import SettingError
from terminology.http.harness import HEADER, Harness
from tests.support.builders import code_system, concept
from tests.support.paths import ROOT
from tests.support.service import serving
from tests.support.writing import Client

LOOKUP = "/fhir/r4/CodeSystem/$lookup?system=urn:ietf:bcp:47&code=de"
EXPAND = "/fhir/r4/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender"
COLOURS = "http://example.org/colours"
MOMENT = "2026-01-01T00:00:00"


def client(**settings: Any) -> Any:
    return create_app(Settings(harness=True, **settings)).test_client()


def test_the_same_request_has_the_same_answer_in_every_process() -> None:
    first, second = client(), client()
    for ask in (EXPAND, LOOKUP, "/fhir/r4/CodeSystem/$lookup?code=none", "/fhir/r4/CodeSystem?_count=2"):
        one, other = first.get(ask), second.get(ask)
        assert (one.data, [*one.headers]) == (other.data, [*other.headers])
        assert (one.data, [*one.headers]) == (first.get(ask).data, [*first.get(ask).headers]), "also prepared"


def test_different_requests_have_different_identifiers() -> None:
    harnessed = client()
    asked = [EXPAND, f"{EXPAND}&count=1", f"{EXPAND}&count=2"]
    answers = [harnessed.get(ask) for ask in asked]
    assert len({answer.json["expansion"]["identifier"] for answer in answers}) == 3
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 3
    bodies = [{"resourceType": "Parameters", "parameter": [{"name": "code", "valueCode": c}]} for c in "ab"]
    posted = [harnessed.post("/fhir/r4/CodeSystem/$lookup", json=body) for body in bodies]
    assert posted[0].headers["X-Request-Id"] != posted[1].headers["X-Request-Id"]


def test_time_stands_still_at_the_moment_of_the_setting() -> None:
    assert client().get(EXPAND).json["expansion"]["timestamp"].startswith(MOMENT)
    later = client(harness_clock="2030-05-01T12:00:00+02:00").get(EXPAND).json["expansion"]["timestamp"]
    assert later.startswith("2030-05-01T10:00:00")
    running = client(harness_clock="").get(EXPAND).json["expansion"]["timestamp"]
    assert abs(datetime.fromisoformat(running) - datetime.now(UTC)).total_seconds() < 60


def test_today_is_the_fixed_day() -> None:
    """A code is deprecated from the date of its property on."""
    system = code_system(
        COLOURS, concept("red", property=[{"code": "deprecated", "valueDateTime": "2040-01-01"}])
    )
    system["property"] = [{"code": "deprecated", "type": "dateTime"}]
    ask = f"/fhir/r4/CodeSystem/$validate-code?url={COLOURS}&code=red"
    catalogue = Terminology([system], bundled=False).catalogue

    def is_deprecated(moment: str) -> bool:
        app = create_app(Settings(), catalogue=catalogue, harness=Harness(datetime.fromisoformat(moment)))
        return "deprecated" in app.test_client().get(ask).text

    assert not is_deprecated("2039-12-31T00:00:00+00:00")
    assert is_deprecated("2040-01-01T00:00:00+00:00")


def test_content_of_files_was_updated_at_the_fixed_time(tmp_path: Path) -> None:
    (tmp_path / "colours.json").write_text(json.dumps(code_system(COLOURS, "red")))
    entry = client(content=[tmp_path]).get(f"/fhir/r4/CodeSystem?url={COLOURS}").json["entry"][0]
    assert entry["resource"]["meta"]["lastUpdated"] == f"{MOMENT}Z"


def test_what_is_written_has_fixed_ids_and_time(tmp_path: Path) -> None:
    written = []
    for name in "ab":
        ask = Client(str(tmp_path / name), harness=True)
        resources = [
            ask("POST", "CodeSystem", code_system(f"http://example.org/{n}", "a")).json for n in "xy"
        ]
        written.append([(r["id"], r["meta"]) for r in resources])
    assert written[0] == written[1]
    assert written[0][0][0] != written[0][1][0]
    assert {meta["lastUpdated"] for _, meta in written[0]} == {f"{MOMENT}.000Z"}


def test_a_resource_that_is_created_anew_has_an_id_of_its_own(tmp_path: Path) -> None:
    ask = Client(str(tmp_path), harness=True)
    resource = code_system("http://example.org/x", "a")
    ids = []
    for _ in range(2):
        ids.append(ask("POST", "CodeSystem", resource).json["id"])
        assert ask("DELETE", f"CodeSystem/{ids[-1]}").status_code == 204
    assert ids[0] != ids[1]


def test_a_cache_that_is_started_twice_has_two_ids() -> None:
    start = {"resourceType": "Parameters", "parameter": [{"name": "mode", "valueCode": "start"}]}
    harnessed = client()
    ids = [harnessed.post("/fhir/r4/$cache-control", json=start).text for _ in range(2)]
    assert "cache-id" in ids[0] and ids[0] != ids[1]
    assert client().post("/fhir/r4/$cache-control", json=start).text == ids[0]


def test_every_answer_and_the_capabilities_say_that_it_is_on() -> None:
    harnessed = client()
    for ask in (LOOKUP, "/fhir/r4/nothing", "/readyz", "/"):
        assert "not for real use" in harnessed.get(ask).headers[HEADER]
    assert "2026-01-01T00:00:00Z" in harnessed.get(LOOKUP).headers[HEADER]
    browser = {"Origin": "http://localhost:3000"}
    assert HEADER in harnessed.get(LOOKUP, headers=browser).headers
    for mode in ("full", "terminology"):
        document: Any = harnessed.get(f"/fhir/r5/metadata?mode={mode}").json
        assert "test harness" in document["implementation"]["description"]


def test_nothing_of_it_can_be_used_while_it_is_off() -> None:
    plain: Any = create_app(Settings()).test_client()
    answer = plain.get(LOOKUP, headers={"X-Terminology-Fault": "status=503"})
    assert (answer.status_code, HEADER in answer.headers) == (200, False)
    assert "harness" not in plain.get("/fhir/r4/metadata").text
    assert plain.get(LOOKUP).headers["X-Request-Id"] != plain.get(LOOKUP).headers["X-Request-Id"]
    one, other = (plain.get(EXPAND).json["expansion"]["identifier"] for _ in range(2))
    assert one != other


@pytest.mark.parametrize(
    "settings,named",
    [
        ({"harness_clock": "2026-01-01T00:00:00Z"}, "harness_clock"),
        ({"harness_recording": "x.jsonl"}, "harness_recording"),
        ({"harness": True, "workers": 2}, "one worker"),
        ({"harness": True, "harness_recording": "/none/x.jsonl"}, "cannot be written"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingError, match=named):
        create_app(Settings(**settings))


@pytest.mark.parametrize("clock", ["yesterday", "2026-01-01", "2026-01-01T00:00:00"])
def test_a_clock_that_is_no_instant_is_refused(clock: str) -> None:
    with pytest.raises(SettingError, match="should be an instant"):
        Settings(harness=True, harness_clock=clock)


def test_the_clock_may_be_a_date_of_TOML(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("harness = true\nharness_clock = 2027-02-03T04:05:06Z\n")
    assert Settings(tmp_path / "settings.toml").fixed_moment == datetime(2027, 2, 3, 4, 5, 6, tzinfo=UTC)


def test_a_service_says_at_its_start_that_it_is_on(tmp_path: Path) -> None:
    recording = tmp_path / "traffic.jsonl"
    options = ("--harness", "--harness-recording", str(recording), "--bundled")
    with (tmp_path / "errors").open("w") as errors, serving(*options, stderr=errors) as service:
        answer = requests.get(f"http://127.0.0.1:{service.port}{EXPAND}", timeout=60)
        assert answer.json()["expansion"]["timestamp"].startswith(MOMENT)
    assert "test harness, not for real use" in (tmp_path / "errors").read_text()
    assert recording.stat().st_mode & 0o077 == 0
    assert len(recording.read_text().splitlines()) == 1


def test_the_page_has_every_setting_and_every_part_of_the_header() -> None:
    page = (ROOT / "docs" / "test-harness.md").read_text("utf-8")
    from terminology.http.faults import _READERS
    from terminology.settings import SETTINGS

    for name in (setting.name for setting in SETTINGS if setting.name.startswith("harness")):
        assert f"`{name}`" in page
    for part in _READERS:
        assert re.search(rf"`{part}\b", page), part
