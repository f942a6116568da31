"""``kill -9`` at any moment, and a full disk, leave what was committed."""

from __future__ import annotations

import logging
import random
from pathlib import Path
from typing import Any

from terminology.store.backend import UNSETTLED
from terminology.store.sqlite import SqliteStore
from tests.support.disks import fill, small_disk
from tests.support.kills import kill_import, kill_reload, kill_writes, written
from tests.support.writing import Client, text_of

__all__ = ["small_disk"]

# benchmarks/kills.py has many more, from other seeds.
CHANCE = random.Random(7)


def test_a_killed_write_is_there_as_a_whole_or_not_at_all(place: str) -> None:
    number = 0
    for _ in range(2):
        number = kill_writes(place, CHANCE, number + 1)


def test_a_killed_import_leaves_one_of_two_whole_releases(tmp_path: Path) -> None:
    kill_import(str(tmp_path), CHANCE)


def test_a_service_killed_while_it_reads_again_starts_anew(tmp_path: Path) -> None:
    kill_reload(tmp_path, CHANCE, 1)


def test_a_write_whose_writer_died_before_it_said_so_is_seen(tmp_path: Path) -> None:
    """Others look into the log until somebody says again how far it goes."""
    ask, other = Client(str(tmp_path)), Client(str(tmp_path))
    for client in (ask, other):
        assert client("GET", "CodeSystem/sizes").status_code == 404
    store = SqliteStore(tmp_path)
    ask("PUT", "CodeSystem/sizes", written(1)[0])
    store.announce_write(UNSETTLED)  # as a writer that dies now leaves it
    assert other("GET", "CodeSystem/sizes").status_code == 200
    ask("PUT", "CodeSystem/sizes", written(2)[0])
    assert other("GET", "CodeSystem/sizes").json["concept"][0]["code"] == "2-0"
    store.announce_write(UNSETTLED)
    while store.writes != 2:  # the next requests, a second later, say it again
        assert other("GET", "CodeSystem/sizes").status_code == 200
        store.generation()


def test_a_full_disk_refuses_writes_and_loses_nothing(small_disk: Path, caplog: Any) -> None:
    ask = Client(str(small_disk / "store"))
    first = ask("PUT", "CodeSystem/sizes", written(1)[0])
    assert first.status_code == 201
    filler = fill(small_disk)
    answers = [ask("PUT", "CodeSystem/sizes", written(number)[0]) for number in range(2, 60)]
    number = sum(answer.status_code == 200 for answer in answers)
    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused and {answer.status_code for answer in refused} == {507}
    assert refused[0].json["issue"][0]["code"] == "no-store"
    assert "no room on the disk" in text_of(refused[0])
    lines = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert lines and all(record.exc_info is None and "\n" not in record.getMessage() for record in lines)
    for client in (ask, Client(str(small_disk / "store"))):
        now = client("GET", "CodeSystem/sizes")
        assert now.json["meta"]["versionId"] == str(number + 1)
    filler.unlink()
    assert ask("PUT", "CodeSystem/sizes", written(99)[0]).status_code == 200
    assert ask("GET", "CodeSystem/sizes").json["concept"][0]["code"] == "99-0"
