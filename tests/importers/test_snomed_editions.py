"""The edition of an RF2 release: the rules of the URI Standard (2.1) and the Extensions Guide (4.4) of SNOMED CT."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from terminology.cli import commands
from terminology.content.importers.snomed import SNOMED
from terminology.core.errors import UnrecognisedReleaseError
from terminology.store.release import OpenedCodeSystem
from tests.support.importing import opened, refusal

CORE, MODEL, MAPS, US = "900000000000207008", "900000000000012004", "449080006", "731000124108"
US_MAPS, OURS, OTHER = "5991000124107", "9999790000", "9999780000"
DAY, LATER = "20330301", "20330901"
# The depending module, the module that it depends on, and the dates of both.
Row = tuple[str, str, str, str]


def release(
    folder: Path, rows: Sequence[Row], owners: Sequence[str] = (CORE,), day: str = DAY, mark: str = ""
) -> Path:
    """An RF2 snapshot with a concept of each owner, and these module dependencies (all of them active)."""
    head = "id\teffectiveTime\tactive\tmoduleId\t"
    concepts = [
        f"13887500{place}\t{day}\t1\t{owner}\t900000000000074008" for place, owner in enumerate(owners)
    ]
    needed = [
        f"d{place}\t{day}\t1\t{row[0]}\t900000000000534007\t{row[1]}\t{row[2]}\t{row[3]}"
        for place, row in enumerate(rows)
    ]
    files = {
        "sct2_Concept_Snapshot": ["definitionStatusId", *concepts],
        "sct2_Description_Snapshot-en": [
            "conceptId\tlanguageCode\ttypeId\tterm\tcaseSignificanceId",
        ],
        "der2_ssRefset_ModuleDependencySnapshot": [
            "refsetId\treferencedComponentId\tsourceEffectiveTime\ttargetEffectiveTime",
            *needed,
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, (columns, *lines) in files.items():
        text = "".join(f"{line}\n" for line in (head + columns, *lines))
        (folder / f"{mark}{name}_INT_{day}.txt").write_text(text)
    return folder


def version(*paths: Path) -> str | None:
    system = opened("snomed", *paths)[0]
    assert isinstance(system, OpenedCodeSystem)
    return system.release.version


def rows(*pairs: tuple[str, str], day: str = DAY) -> list[Row]:
    return [(module, needed, day, DAY) for module, needed in pairs]


EDITIONS: dict[str, tuple[list[Row], tuple[str, ...], str]] = {
    "the module that needs all others": (rows((OURS, CORE), (OURS, MODEL), (CORE, MODEL)), (CORE,), OURS),
    "a module that names itself": (rows((OURS, CORE), (OURS, OURS), (CORE, MODEL)), (CORE,), OURS),
    "the core that needs the model": (rows((CORE, MODEL)), (CORE,), CORE),
    "the core beside its maps": (rows((CORE, MODEL), (MAPS, CORE), (MAPS, MODEL)), (CORE,), CORE),
    "an edition beside its maps": (
        rows((CORE, MODEL), (US, CORE), (US, MODEL), (US_MAPS, US), (US_MAPS, CORE)),
        (CORE,),
        US,
    ),
    "a known edition among several modules": (rows((OURS, CORE), (US, CORE)), (CORE,), US),
    "no rows, one module besides the core": ([], (CORE, MODEL, OURS), OURS),
    "only a row that names itself": (rows((OURS, OURS)), (CORE, OURS), OURS),
    "no rows, the core alone": ([], (CORE, MODEL), CORE),
}


@pytest.mark.parametrize("case", EDITIONS)
def test_the_edition_is_the_module_that_needs_all_the_others(tmp_path: Path, case: str) -> None:
    given, owners, module = EDITIONS[case]
    assert version(release(tmp_path, given, owners)) == f"http://snomed.info/sct/{module}/version/{DAY}"


def test_several_modules_that_are_no_known_edition_need_the_option(tmp_path: Path) -> None:
    folder = release(tmp_path, rows((OURS, CORE), (OTHER, CORE)))
    assert f"no module needs all the others, of {OTHER}, {OURS}: say with --edition" in refusal(
        "snomed", folder
    )
    assert SNOMED.stating is not None
    stated = SNOMED.stating(OTHER, None).open([folder])[0]
    assert stated.release.version == f"http://snomed.info/sct/{OTHER}/version/{DAY}"


def test_the_date_is_the_newest_that_the_rows_give_the_module(tmp_path: Path) -> None:
    """An extension and the edition that it extends may be of two dates, which its rows name."""
    both = [(OURS, CORE, LATER, DAY)]
    folder = release(tmp_path / "international", rows((CORE, MODEL)))
    extension = release(tmp_path / "extension", both, (OURS,), LATER)
    assert version(folder, extension) == f"http://snomed.info/sct/{OURS}/version/{LATER}"
    stranger = release(tmp_path / "stranger", both, (OURS,), "20350101")
    assert "expected one release, but there are" in refusal("snomed", folder, stranger)


def test_files_whose_names_begin_with_x_are_unpublished(tmp_path: Path) -> None:
    folder = release(tmp_path, rows((CORE, MODEL)), mark="x")
    assert version(folder) == f"http://snomed.info/xsct/{CORE}/version/{DAY}"


STATED = {
    ("31000003106", None): f"http://snomed.info/sct/31000003106/version/{DAY}",
    ("http://snomed.info/xsct/31000003106", None): f"http://snomed.info/xsct/31000003106/version/{DAY}",
    (None, LATER): f"http://snomed.info/sct/{CORE}/version/{LATER}",
    (OURS, LATER): f"http://snomed.info/sct/{OURS}/version/{LATER}",
    (
        None,
        f"http://snomed.info/xsct/{OURS}/version/{LATER}",
    ): f"http://snomed.info/xsct/{OURS}/version/{LATER}",
}


@pytest.mark.parametrize(("edition", "day"), STATED)
def test_an_edition_and_a_version_that_are_stated_win(
    tmp_path: Path, edition: str | None, day: str | None
) -> None:
    folder = release(tmp_path / "release", rows((CORE, MODEL)))
    options = [*(["--edition", edition] if edition else []), *(["--version", day] if day else [])]
    done = CliRunner().invoke(
        commands.main, ["import", "--store", str(tmp_path / "s"), *options, "snomed", str(folder)]
    )
    assert STATED[edition, day] in done.output


@pytest.mark.parametrize(
    ("edition", "day", "message"),
    [
        ("US", None, "--edition US: expected such as 900000000000207008 or http://snomed.info/sct/9"),
        (None, "2033-03", "--version 2033-03: expected such as 20250101 or http://snomed.info/sct/9"),
        (OURS, f"http://snomed.info/sct/{CORE}/version/{DAY}", "name different editions"),
    ],
)
def test_what_is_no_edition_or_version_is_refused(edition: str | None, day: str | None, message: str) -> None:
    assert SNOMED.stating is not None
    with pytest.raises(UnrecognisedReleaseError, match=message):
        SNOMED.stating(edition, day)


def test_only_releases_of_SNOMED_CT_have_their_edition_stated(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    given = ["import", "--store", str(tmp_path / "s"), "--edition", OURS, "gem", str(tmp_path / "x")]
    done = CliRunner().invoke(commands.main, given)
    assert done.exit_code == click.UsageError.exit_code
    assert "--edition and --version are not for 'gem'" in done.output
