"""The file of the setting ``auth``: a mistake in it is named with its place, and a change of it counts at once."""

from __future__ import annotations

import json
import os
import re
import time
from errno import EACCES
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from terminology.authentication.authenticator import Authenticator
from terminology.authentication.configuration import read_auth
from terminology.cli.commands import main
from terminology.content.licences import read_licences
from terminology.core.errors import SettingError, reason_of
from tests.support.authentication import TokenIssuer, api_key, auth_file
from tests.support.paths import ROOT
from tests.support.service import until

KEY = api_key("ehr", "system/*.rs")[1]
ISSUER = TokenIssuer().entry("https://auth.example.org/jwks")


@pytest.mark.parametrize(
    "content,place,says",
    [
        ({"key": []}, "key", "Extra inputs"),
        ({"keys": [{**KEY, "scopes": ["system/CodeSystem.sr"]}]}, "keys.0.scopes.0", "system/CodeSystem.rs"),
        ({"keys": [{**KEY, "scopes": ["patient/*.rs"]}]}, "keys.0.scopes.0", "not a scope"),
        ({"keys": [{**KEY, "hash": "secret"}]}, "keys.0.hash", "sha256"),
        ({"keys": [{**KEY, "roots": ["r3"]}]}, "keys.0.roots.0", "r4"),
        ({"keys": [{**KEY, "expires": "soon"}]}, "keys.0.expires", "date"),
        ({"keys": [KEY, KEY]}, "keys", "ID"),
        ({"issuers": [{**ISSUER, "algorithms": ["HS256"]}]}, "issuers.0.algorithms.0", "RS256"),
        ({"issuers": [{**ISSUER, "algorithms": ["none"]}]}, "issuers.0.algorithms.0", "RS256"),
        ({"issuers": [{**ISSUER, "algorithms": []}]}, "issuers.0.algorithms", "at least 1"),
        ({"issuers": [{**ISSUER, "keys": "http://auth.example.org/jwks"}]}, "issuers.0.keys", "https"),
        ({"issuers": [{**ISSUER, "keys": "none.json"}]}, "issuers.0", "none.json"),
        ({"issuers": [ISSUER, ISSUER]}, "issuers", "auth.example.org"),
        ({"anonymous": ["everything"]}, "anonymous.0", "not a scope"),
        ({"anonymous": ["system/*.rs", "system/*.cruds"]}, "anonymous.1", "lets everybody write"),
        ({"anonymous": ["r5:system/ValueSet.u"]}, "anonymous.0", "lets everybody write"),
        ({"anonymous": ["system/*.*"]}, "anonymous.0", "lets everybody write"),
        ({"anonymous": ["user/*.write"]}, "anonymous.0", "lets everybody write"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, content: Any, place: str, says: str) -> None:
    path = auth_file(tmp_path, **content)
    with pytest.raises(SettingError) as caught:
        read_auth(path)
    assert str(caught.value).startswith(f"{path}: {place}: ")
    assert says.replace("ID", KEY["id"]) in str(caught.value)


def test_a_file_that_is_not_JSON_or_away_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be read"):
        read_auth(tmp_path / "none.json")
    broken = tmp_path / "auth.json"
    broken.write_text('{"keys": [', "utf-8")
    with pytest.raises(SettingError, match="cannot be read as JSON"):
        read_auth(broken)


def test_a_change_of_the_keys_leaves_owner_and_mode_of_their_file(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"

    def add(user: str) -> str:
        done = CliRunner().invoke(main, ["keys", "add", user, "--auth", str(path), "--scope", "system/*.rs"])
        assert done.exit_code == 0, done.output
        return done.output

    assert "let the user of the service read it" in add("ehr")
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 12_345, 23_456)
    before = path.stat()
    assert "let the user" not in add("registry")
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_a_file_that_may_not_be_read_is_named_with_its_owner(tmp_path: Path) -> None:
    path = auth_file(tmp_path)
    path.chmod(0o600)
    reason = reason_of(PermissionError(EACCES, "Permission denied", str(path)))
    assert reason.startswith("Permission denied. It belongs to ")
    assert "(mode 600), and this process runs as" in reason


def test_a_message_about_the_file_has_no_digest(tmp_path: Path) -> None:
    path = auth_file(tmp_path, keys=[{**KEY, "extra": KEY["hash"], "user": "a b"}])
    with pytest.raises(SettingError) as caught:
        read_auth(path)
    assert KEY["hash"] not in str(caught.value)


def test_a_key_that_is_removed_counts_no_longer(tmp_path: Path) -> None:
    key, entry = api_key("ehr", "system/*.rs")
    other, other_entry = api_key("lab", "system/*.rs")
    path = auth_file(tmp_path, keys=[entry])
    users = Authenticator(path)
    assert users.user(f"Bearer {key}", None).name == "ehr"
    assert users.user(f"Bearer {other}", None).problem is not None
    auth_file(tmp_path, keys=[other_entry])
    until(lambda: users.user(f"Bearer {other}", None).name == "lab")
    assert users.user(f"Bearer {key}", None).problem is not None
    assert users.user(None, key).rights == frozenset()


def test_a_file_that_becomes_broken_leaves_the_users_as_they_were(tmp_path: Path, caplog) -> None:
    key, entry = api_key("ehr", "system/*.rs")
    path = auth_file(tmp_path, keys=[entry])
    users = Authenticator(path)
    path.write_text("{", "utf-8")
    until(lambda: users.user(f"Bearer {key}", None).name == "ehr" and "stay as they were" in caplog.text)
    path.unlink()
    assert users.user(f"Bearer {key}", None).name == "ehr"


def test_a_key_counts_up_to_its_last_day(tmp_path: Path) -> None:
    today = time.strftime("%Y-%m-%d", time.gmtime())
    key, entry = api_key("ehr", "system/*.rs", expires=today)
    late, late_entry = api_key("lab", "system/*.rs", expires="2020-02-29")
    users = Authenticator(auth_file(tmp_path, keys=[entry, late_entry]))
    assert users.user(None, key).name == "ehr"
    problem = users.user(None, late).problem
    assert problem is not None
    assert (problem.code, "2020-02-29" in problem.text) == ("expired", True)


@pytest.mark.parametrize("wrong", ["", "x", ".", "ID.", "ID.secret", "ID", "9" * 100_000, "é.ü", "\udc80.x"])
def test_a_key_that_is_wrong_in_any_way_is_not_known(tmp_path: Path, wrong: str) -> None:
    key, entry = api_key("ehr", "system/*.rs")
    users = Authenticator(auth_file(tmp_path, anonymous=["system/*.rs"], keys=[entry]))
    for text in (wrong.replace("ID", entry["id"]), f"{key}x", key[:-1], key.upper()):
        for user in (users.user(None, text), users.user(f"Bearer {text}", None)):
            assert user.problem is not None
            assert (user.name, user.rights) == ("", frozenset())
            assert text not in user.problem.text or len(text) < 2


def test_the_file_has_no_secret(tmp_path: Path) -> None:
    key, entry = api_key("ehr", "system/*.rs")
    assert key.partition(".")[2] not in json.dumps(entry)
    assert os.environ.get(key) is None


def test_the_examples_of_the_pages_are_read(tmp_path: Path) -> None:
    for page, read in (("security", read_auth), ("licences", read_licences)):
        text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
        (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
        path = tmp_path / f"{page}.json"
        path.write_text(example, "utf-8")
        assert read(path)
