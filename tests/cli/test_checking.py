"""The commands ``lint``, ``coverage`` and ``diff``: reports for people, and exit statuses for CI."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from terminology.cli.commands import main
from tests.support.builders import code_system, concept, value_set
from tests.support.maps import MAPS, SYSTEMS, map_of, to

HERE, THERE = (system["url"] for system in SYSTEMS)
TOP = [{"code": "top"}]


def run(*words: str) -> Result:
    result = CliRunner().invoke(main, list(words), env={"TERMINOLOGY_DATA": ""})
    assert "Traceback" not in result.output
    return result


def written(folder: Path, name: str, resource: object) -> str:
    path = folder / name
    path.write_text(json.dumps(resource), "utf-8")
    return str(path)


@pytest.fixture
def content(tmp_path: Path) -> tuple[str, ...]:
    return (
        "--content",
        written(tmp_path, "here.json", SYSTEMS[0]),
        "--content",
        written(tmp_path, "there.json", SYSTEMS[1]),
    )


def test_lint_names_the_place_and_the_status_is_1_for_errors(
    tmp_path: Path, content: tuple[str, ...]
) -> None:
    bad = written(tmp_path, "bad.json", map_of("bad", HERE, THERE, [{"code": "nix", "target": [to("P")]}]))
    good = written(
        tmp_path, "good.json", map_of("good", HERE, THERE, [{"code": "plain", "target": [to("P")]}])
    )
    result = run("lint", bad, good, *content)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{bad}: ConceptMap.group[0].element[0].code: error: ")
    assert result.stderr == "2 files: 1 error, 0 warnings\n"
    assert run("lint", good, *content).exit_code == 0


def test_the_files_of_one_check_know_each_other_in_any_order(tmp_path: Path) -> None:
    """They come before what is loaded: a hook before a commit checks what will be committed."""
    url = "http://example.org/shelves"
    system = written(tmp_path, "cs.json", code_system(url, concept("top", "Top"), version="1"))
    older = written(tmp_path, "older.json", code_system(url, concept("low", "Low"), version="1"))
    members = written(tmp_path, "vs.json", value_set("http://example.org/v", {"system": url, "concept": TOP}))
    elements = [{"code": "top", "target": [to("nix")]}]
    map_ = written(tmp_path, "cm.json", map_of("cm", url, url, elements))
    for files in ([system, members, map_], [map_, members, system]):
        for loaded in ([], ["--content", older]):
            result = run("lint", *files, *loaded)
            (line,) = result.stdout.splitlines()
            assert line.startswith(f"{map_}: ConceptMap.group[0].element[0].target[0].code: error: ")
    assert "unknown-system" in run("lint", members).stdout


@pytest.mark.parametrize("elements", [{"url": ["x"]}, {"concept": [{"code": 3}]}, {"content": "x"}])
def test_a_file_with_faults_does_not_keep_the_others_from_being_checked(
    tmp_path: Path, elements: dict[str, object]
) -> None:
    url = "http://example.org/shelves"
    wrong = written(tmp_path, "wrong.json", code_system(url, concept("top")) | elements)
    members = written(
        tmp_path, "vs.json", value_set("http://example.org/v", {"system": HERE, "concept": TOP})
    )
    here = written(tmp_path, "here.json", SYSTEMS[0])
    result = run("lint", wrong, members, here)
    assert f"{members}: ValueSet.compose.include[0].concept[0].code: error: " in result.stdout


def test_warnings_make_the_status_1_with_strict_only(tmp_path: Path, content: tuple[str, ...]) -> None:
    place = written(tmp_path, "warned.json", map_of("w", HERE, THERE, [{"code": "plain"}]))
    assert run("lint", place, *content).exit_code == 0
    assert run("lint", place, *content, "--strict").exit_code == 1


def test_lint_writes_what_ci_reads(tmp_path: Path, content: tuple[str, ...]) -> None:
    bad = written(tmp_path, "bad.json", map_of("bad", HERE, THERE, [{"code": "nix", "target": [to("P")]}]))
    output = tmp_path / "report"
    for name in ("json", "junit", "sarif"):
        assert run("lint", bad, *content, "--format", name, "-o", str(output)).exit_code == 1
        text = output.read_text("utf-8")
        if name == "junit":
            assert ElementTree.fromstring(text).tag == "testsuites"
        elif name == "sarif":
            assert json.loads(text)["version"] == "2.1.0"
        else:
            (issue,) = json.loads(text)["issue"]
            assert issue["expression"] == ["ConceptMap.group[0].element[0].code"]


@pytest.mark.parametrize("text", ["", "not json", "[]"])
def test_a_file_that_is_not_a_resource_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    result = run("lint", str(path))
    assert result.exit_code == 1 and result.output.startswith(f"Error: {path}: ")


def test_coverage_is_weighted_by_the_column_of_counts(tmp_path: Path, content: tuple[str, ...]) -> None:
    sheet = tmp_path / "codes.csv"
    sheet.write_text("code,count\nplain,9\nnix,1\n")
    loaded = (*content, "--content", written(tmp_path, "map.json", MAPS[0]))
    words = ("coverage", str(sheet), "--from", HERE, "--to", THERE, *loaded)
    result = run(*words)
    assert result.exit_code == 0 and "1 of 2 codes mapped (50.0%); weighted by use 90.0%" in result.stdout
    (report,) = json.loads(run(*words, "--json").stdout)
    assert (report["mapped"], report["unmapped"]) == (1, {"nix": "unknown-code"})


def test_diff_shows_changes_and_what_breaks(tmp_path: Path) -> None:
    url = "http://example.org/s"
    old = written(tmp_path, "old.json", code_system(url, concept("a", "A"), concept("b", "B"), version="1"))
    new = written(tmp_path, "new.json", code_system(url, concept("a", "Aa"), version="2"))
    result = run("diff", old, new)
    assert (result.exit_code, result.stdout) == (0, "renamed a: A -> Aa\nremoved b: B\n")
    assert result.stderr == "1 removed, 1 renamed\n"
    sheet = tmp_path / "codes.csv"
    sheet.write_text("code\na\nb\n")
    broken = run("diff", old, new, "--codes", str(sheet), "--json")
    assert broken.exit_code == 1
    assert json.loads(broken.stdout) == [{"kind": "removed", "code": "b", "before": "B"}]
    loaded = run("diff", f"{url}|1", f"{url}|2", "--content", old, "--content", new)
    assert loaded.stdout == result.stdout


def test_a_map_is_not_compared_with_a_code_system(tmp_path: Path) -> None:
    one = written(tmp_path, "map.json", MAPS[0])
    other = written(tmp_path, "here.json", SYSTEMS[0])
    assert "two CodeSystems or two ConceptMaps are compared" in run("diff", one, other).output
    assert run("diff", one, one).stderr == "no changes\n"


def test_different_code_systems_are_not_compared(tmp_path: Path) -> None:
    files = [
        written(tmp_path, f"{name}.json", code_system(name, concept("a", "A"), version="1"))
        for name in ("one", "two")
    ]
    result = run("diff", *files)
    assert result.exit_code == 1 and result.stdout == ""
    assert "These are different code systems" in result.stderr
    loaded = ("--content", files[0], "--content", files[1])
    canonicals = ("http://example.org/one|1", "http://example.org/two|1")
    assert "These are different code systems" in run("diff", *canonicals, *loaded).stderr


def test_maps_of_the_same_systems_are_compared_whatever_their_urls(
    tmp_path: Path,
) -> None:
    element = [{"code": "a", "target": [to("b")]}]
    draft, other, away = (
        written(tmp_path, f"{name}.json", map_of(name, HERE, target, element))
        for name, target in (("draft", THERE), ("other", THERE), ("away", HERE))
    )
    assert run("diff", draft, other).stderr == "no changes\n"
    result = run("diff", draft, away)
    assert result.exit_code == 1 and "These are different maps" in result.stderr


def test_diff_says_how_many_codes_a_fragment_lacks(tmp_path: Path) -> None:
    old, new = (
        written(tmp_path, f"{version}.json", code_system("s", *codes, version=version, content="fragment"))
        for version, codes in (("1", ("a", "b")), ("2", ("a", "c")))
    )
    page = tmp_path / "page.html"
    result = run("diff", old, new, "--html", str(page))
    assert result.exit_code == 0 and "no changes" not in result.stderr
    assert "2 codes are only in one" in result.stderr and "2 codes are only in one" in page.read_text()
    sheet = tmp_path / "codes.csv"
    sheet.write_text("code\na\nb\n")
    of_sheet = run("diff", old, new, "--codes", str(sheet))
    assert "1 code is only in one" in of_sheet.stderr and "nothing breaks" not in of_sheet.stderr
    sheet.write_text("code\na\n")
    assert run("diff", old, new, "--codes", str(sheet)).stderr == "nothing breaks\n"
