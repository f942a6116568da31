"""The command ``terminology settings``."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from terminology.cli.commands import main
from terminology.settings import SETTINGS


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["settings", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_each_setting_is_shown_with_where_it_was_read_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "settings.toml"
    config.write_text('host = "0.0.0.0"\nport = 1\nthreads = 2\n')
    monkeypatch.setenv("TERMINOLOGY_PORT", "2")
    monkeypatch.setenv("TERMINOLOGY_THREADS", "3")
    lines = shown("--config", str(config), "--threads", "4", "--r6", "--content", "a", "--content", "b")
    rows = {line.split(" = ")[0]: line for line in lines.splitlines()}
    assert list(rows) == [setting.name for setting in SETTINGS]
    for name, value, source in [
        ("host", '"0.0.0.0"', str(config)),
        ("port", "2", "TERMINOLOGY_PORT"),
        ("threads", "4", "--threads"),
        ("r6", "true", "--r6"),
        ("content", '["a", "b"]', "--content"),
        ("workers", "1", "default"),
    ]:
        assert rows[name].startswith(f"{name} = {value} ")
        assert rows[name].endswith(f" # {source}")


def test_what_is_shown_is_a_settings_file_without_passwords(tmp_path: Path) -> None:
    lines = shown("--store", "postgresql://tx:se@cret@db/terminology", "--data", "")
    assert "cret" not in lines
    assert tomllib.loads(lines)["store"] == "postgresql://tx:***@db/terminology"
    config = tmp_path / "again.toml"
    config.write_text(lines)
    again = shown("--config", str(config))
    assert tomllib.loads(again) == tomllib.loads(lines)


def test_a_bad_value_is_named_as_serve_names_it() -> None:
    result = CliRunner().invoke(main, ["settings", "--port", "many"])
    assert result.exit_code == 1 and "--port: 'port' is 'many'" in result.output
