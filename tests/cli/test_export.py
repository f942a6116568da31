"""Exports: every resource whole, and the same again when it is loaded."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from terminology.cli.commands import main
from tests.support.builders import code_system, concept, concept_map, value_set
from tests.support.writing import Client

SIZES = "http://example.org/sizes"
MAP = concept_map(
    "m", SIZES, "w", [{"code": "s", "target": [{"code": "x", "equivalence": "subsumes"}]}], id="m"
)
WORDS = code_system(
    SIZES,
    concept("s", "Small", concept("xs"), property=[{"code": "weight", "valueDecimal": 1.5}]),
    id="sizes",
    version="1",
    property=[{"code": "weight", "type": "decimal"}],
)
KINDS = ("CodeSystem", "ValueSet", "ConceptMap")


def run(*arguments: object, environment: dict[str, str] | None = None) -> Result:
    variables = {"TERMINOLOGY_DATA": "", **(environment or {})}
    return CliRunner(env=variables).invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with three written resources, one deleted one, and an imported one."""
    folder = tmp_path / "store"
    ask = Client(str(folder))
    ask("PUT", "CodeSystem/sizes", WORDS)
    ask("PUT", "ConceptMap/m", MAP)
    ask("PUT", "CodeSystem/gone", code_system("gone", id="gone"))
    ask("DELETE", "CodeSystem/gone")
    ask("PUT", "r5/ValueSet/v", value_set("v", {"system": SIZES}, id="v"))
    big = tmp_path / "big.json"
    big.write_text(json.dumps(code_system("big", *(f"c{n}" for n in range(1_500)), id="big")))
    assert run("import", "--store", folder, "fhir", big).exit_code == 0
    return folder


def without_meta(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name != "meta"}


def resources(ask: Client) -> dict[tuple[str, str], Any]:
    """The resources that a service has of its own, by type and id."""
    own: dict[tuple[str, str], Any] = {}
    for kind, ids in {"CodeSystem": ["sizes", "big"], "ValueSet": ["v"], "ConceptMap": ["m"]}.items():
        for id_ in ids:
            own[kind, id_] = without_meta(ask("GET", f"{kind}/{id_}?_count=1000").json)
    return own


@pytest.mark.parametrize("name", ["out.json", "out.tgz"])
@pytest.mark.parametrize("release", ["r4", "r5"])
def test_what_is_exported_can_be_loaded_and_is_the_same(
    store: Path, tmp_path: Path, name: str, release: str
) -> None:
    out = tmp_path / name
    done = run("export", out, "--store", store, "--release", release)
    assert done.exit_code == 0, done.output
    assert done.output == f"{out}: 2 CodeSystems, 1 ConceptMap, 1 ValueSet\n"
    before = Client(str(store), writes=False, release="r4")
    after = Client("", writes=False, content=[out], release="r4")
    own, loaded = resources(before), resources(after)
    big = loaded.pop(("CodeSystem", "big"))
    assert len(big["concept"]) == 1_500, "it is whole, though a read has a page"
    assert {k: v for k, v in own.items() if k != ("CodeSystem", "big")} == loaded
    for question in (
        f"CodeSystem/$lookup?system={SIZES}&code=s&property=weight",
        f"ValueSet/$expand?url={value_set('v')['url']}",
        f"ConceptMap/$translate?system={SIZES}&code=s&targetsystem=http://example.org/w",
        "CodeSystem/$validate-code?url=http://example.org/big&code=c1499",
    ):
        answers = [client("GET", question).json for client in (before, after)]
        for answer in answers:
            (
                answer.get("expansion", {}).pop("identifier", None),
                answer.get("expansion", {}).pop("timestamp", None),
            )
            answer.pop("meta", None)
        assert answers[0] == answers[1]


def test_a_package_has_a_manifest_and_an_index(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tgz"
    assert run("export", out, "--store", store, "--package", "org.example.terms@2.1.0").exit_code == 0
    with tarfile.open(out) as archive:
        files = {member.name: archive.extractfile(member) for member in archive}
        manifest = json.load(files["package/package.json"])  # type: ignore[arg-type]
        index = json.load(files["package/.index.json"])  # type: ignore[arg-type]
    assert (manifest["name"], manifest["version"]) == ("org.example.terms", "2.1.0")
    assert manifest["fhirVersions"] == ["4.0.1"]
    named = {entry["filename"]: entry["url"] for entry in index["files"]}
    assert named["CodeSystem-sizes.json"] == SIZES
    assert {f"package/{name}" for name in named} | {"package/package.json", "package/.index.json"} == set(
        files
    )
    assert run("load", out, environment={"TERMINOLOGY_DATA": str(tmp_path / "data")}).exit_code == 0


def test_an_export_may_be_limited(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert run("export", out, "--store", store, "--url", f"{SIZES}|1").output == f"{out}: 1 CodeSystem\n"
    (entry,) = json.loads(out.read_text())["entry"]
    assert without_meta(entry["resource"]) == WORDS
    done = run("export", out, "--store", store, "--most-rows", 1_000)
    assert done.exit_code == 1
    assert "left out: CodeSystem http://example.org/big: 1,500 rows" in done.output
    assert len(json.loads(out.read_text())["entry"]) == 3


def test_loaded_and_bundled_content_is_exported_too(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(json.dumps(WORDS))
    out = tmp_path / "out.json"
    assert run("export", out, "--content", tmp_path / "own.json").output == f"{out}: 1 CodeSystem\n"
    done = run("export", out, "--content", tmp_path / "own.json", "--with-bundled", "--release", "r5")
    assert done.exit_code == 0
    urls = [entry["resource"]["url"] for entry in json.loads(out.read_text())["entry"]]
    assert "http://www.ama-assn.org/go/cpt" in urls and SIZES in urls
    assert "urn:ietf:bcp:47" not in urls, "a grammar is no resource"


def test_an_export_that_fails_leaves_no_file_behind(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "none" / "out.json"
    assert run("export", out, "--store", store).exit_code == 1
    assert run("export", tmp_path / "o.tgz", "--store", store, "--package", "Bad Name").exit_code == 1
    old = tmp_path / "old.json"
    old.write_text("old")
    (artifact,) = (store / "artifacts").glob("*.sqlite")
    artifact.write_bytes(b"damaged")
    done = run("export", old, "--store", store)
    assert done.exit_code == 1 and "cannot be read" in done.output
    assert old.read_text() == "old"
    assert not list(tmp_path.glob(".old*"))
