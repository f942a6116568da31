"""Which resources come out of files, folders and FHIR packages, and how they are kept."""

from __future__ import annotations

import io
import json
import logging
import tarfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from terminology import Settings, Terminology, create_app, open_catalogue
from terminology.catalogue.overlay import Overlay
from terminology.cli.commands import main
from terminology.content.installing import install
from terminology.content.packages import installed_resources, read_resources
from terminology.core.documents import CONTENT, LazyDocument
from terminology.core.errors import TerminologyError, UnreadableFileError
from terminology.core.model import Document
from terminology.opening import GRAMMARS
from tests.support.engine import catalogue_of
from tests.support.paths import ROOT

FETCHED = ROOT / "build" / "packages"

BASE = "http://example.org/fhir"
R4 = {"name": "example.terms", "version": "1.2.0", "fhirVersions": ["4.0.1"]}
R5 = {**R4, "fhirVersions": ["5.0.0"]}
# Well-formed JSON, and a fault where only use would find it.
DEEP = {"resourceType": "ValueSet", "url": "http://example.org/deep", "compose": {"include": "x"}}
CUT = b'{"resourceType": "ValueSet", '
NOTHING: Mapping[str, Any] = {}
COLOURS: Document = {
    "resourceType": "CodeSystem",
    "id": "colours",
    "url": f"{BASE}/CodeSystem/colours",
    "version": "1.0.0",
    "name": "Colours",
    "status": "active",
    "content": "complete",
    "caseSensitive": True,
    "valueSet": f"{BASE}/ValueSet/colours",
    "property": [{"code": "wavelength", "type": "decimal"}],
    "concept": [
        {"code": "red", "display": "Red", "property": [{"code": "wavelength", "valueDecimal": 1.5}]},
        {"code": "blue", "display": "Blue"},
    ],
}
WARM: Document = {
    "resourceType": "ValueSet",
    "id": "warm",
    "url": f"{BASE}/ValueSet/warm",
    "name": "Warm",
    "status": "active",
    "compose": {"include": [{"system": COLOURS["url"], "concept": [{"code": "red"}]}]},
}
# By its elements alone this could be R5: only the word in "mode" is R4's.
PAINT: Document = {
    "resourceType": "ConceptMap",
    "id": "paint",
    "url": f"{BASE}/ConceptMap/paint",
    "status": "active",
    "group": [
        {"source": COLOURS["url"], "target": f"{BASE}/CodeSystem/paint", "unmapped": {"mode": "provided"}}
    ],
}
NAMING: Document = {
    "resourceType": "NamingSystem",
    "id": "naming",
    "name": "Colours",
    "status": "active",
    "kind": "codesystem",
    "uniqueId": [
        {"type": "uri", "value": COLOURS["url"], "preferred": True},
        {"type": "oid", "value": "1.2.3.4"},
    ],
}


def text(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def archive(path: Path, files: dict[str, Any]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, value in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text(value))
            tar.addfile(member, io.BytesIO(text(value)))
    return path


def folder(path: Path, files: dict[str, Any]) -> Path:
    for name, value in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text(value))
    return path


def package(manifest: Document = R4, more: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
    """The files of a package as npm lays them out."""
    return {
        "package/package.json": manifest,
        "package/.index.json": {"index-version": 2, "files": []},
        "package/CodeSystem-colours.json": COLOURS,
        "package/ValueSet-warm.json": WARM,
        **more,
    }


def documents(*paths: Path) -> dict[str, Document]:
    """The documents below some paths by their id."""
    found = (f.document() if isinstance(f, LazyDocument) else f for f in read_resources(paths))
    return {document["id"]: document for document in found}


# -- what is a package ---------------------------------------------------------------------------


def test_a_package_is_an_archive_or_a_folder_with_a_package_json(tmp_path: Path) -> None:
    files = package()
    flat = {name.removeprefix("package/"): value for name, value in files.items()}
    places = (
        archive(tmp_path / "a.tgz", files),
        archive(tmp_path / "b.tar.gz", {f"./{name}": value for name, value in files.items()}),
        folder(tmp_path / "unpacked", files),
        folder(tmp_path / "flat", flat),
    )
    for place in places:
        assert sorted(documents(place)) == ["colours", "warm"], place


def test_only_what_lies_directly_in_the_package_counts(tmp_path: Path) -> None:
    more = {
        "package/other/ValueSet-other.json": {**WARM, "id": "other"},
        "package/example/ValueSet-example.json": {**WARM, "id": "example"},
        "package/StructureDefinition-x.json": {"resourceType": "StructureDefinition", "id": "x"},
        "package/Patient-y.json": {"resourceType": "Patient", "id": "y", "contained": [WARM]},
    }
    assert sorted(documents(archive(tmp_path / "a.tgz", package(more=more)))) == ["colours", "warm"]


@pytest.mark.parametrize(("manifest", "label"), [(R4, "Mine"), (R5, None)])
def test_the_release_of_a_package_is_what_its_package_json_says(
    tmp_path: Path, manifest: Document, label: str | None
) -> None:
    """An element that only R5 has is an extension in R4; in a resource of R5 the extension stays one."""
    url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.copyrightLabel"
    labelled = {**WARM, "extension": [{"url": url, "valueString": "Mine"}]}
    found = documents(
        archive(tmp_path / "a.tgz", package(manifest, {"package/ValueSet-warm.json": labelled}))
    )
    assert found["warm"].get("copyrightLabel") == label
    assert ("extension" in found["warm"]) is (label is None)


@pytest.mark.parametrize("manifest", [R4, R5])
def test_a_map_in_words_of_R4_is_read_in_any_package(tmp_path: Path, manifest: Document) -> None:
    found = documents(
        archive(tmp_path / "a.tgz", package(manifest, {"package/ConceptMap-paint.json": PAINT}))
    )
    assert found["paint"]["group"][0]["unmapped"]["mode"] == "use-source-code"


def test_without_a_stated_release_the_shape_of_a_resource_tells(tmp_path: Path) -> None:
    older = {**PAINT, "sourceUri": f"{BASE}/ValueSet/colours"}
    files = package({"name": "x", "version": "1"}, {"package/ConceptMap-paint.json": older})
    found = documents(archive(tmp_path / "a.tgz", files))["paint"]
    assert found["sourceScopeUri"] == f"{BASE}/ValueSet/colours"
    assert found["group"][0]["unmapped"]["mode"] == "use-source-code"


def test_a_folder_holds_resources_bundles_and_packages_to_any_depth(tmp_path: Path) -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": PAINT}, {"resource": NAMING}],
    }
    files = {
        "warm.json": WARM,
        "deeper/still/bundle.json": bundle,
        "node_modules/x/ignored.json": {**WARM, "id": "ignored"},
        ".hidden/ignored.json": {**WARM, "id": "ignored"},
        "notes.txt": b"not JSON",
    }
    place = folder(tmp_path / "content", files)
    archive(place / "deeper" / "colours.tgz", {"package/package.json": R4, "package/c.json": COLOURS})
    assert sorted(documents(place)) == ["colours", "naming", "paint", "warm"]


# -- what cannot be read -------------------------------------------------------------------------

BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no JSON": ({"package/ValueSet-x.json": CUT}, "ValueSet-x.json: The body is not JSON"),
    "a key twice": (
        {"package/ValueSet-x.json": b'{"resourceType": "ValueSet", "url": "a", "url": "b"}'},
        "ValueSet-x.json: A JSON object has the key 'url' twice",
    ),
    "a body of another shape": (
        {"package/ValueSet-x.json": DEEP},
        "ValueSet-x.json: ValueSet.compose.include must be a list",
    ),
    "a map of another shape": (
        {"package/ConceptMap-x.json": {**PAINT, "group": ["x"]}},
        "ConceptMap-x.json: ConceptMap.group[0] must be an object",
    ),
    "an older release": (
        {"package/package.json": {"name": "old", "fhirVersions": ["3.0.2"]}},
        "a package of FHIR 3.0.2; supported versions are R4, R4B and R5",
    ),
    "a broken package.json": ({"package/package.json": b"{"}, "package.json: The body is not JSON"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_read_is_refused_with_its_name(tmp_path: Path, case: str) -> None:
    files, message = BROKEN[case]
    place = archive(tmp_path / "broken.tgz", package(more=files))
    with pytest.raises(UnreadableFileError, match="broken.tgz") as refusal:
        list(read_resources([place]))
    assert message in str(refusal.value)


def test_a_file_without_a_package_or_resource_is_refused_with_its_name(tmp_path: Path) -> None:
    """A file that is not an archive, a package or a resource is refused with its name."""
    whole = archive(tmp_path / "whole.tgz", package()).read_bytes()
    cases = {
        "cut.tgz": (whole[: len(whole) // 2], "cannot be unpacked"),
        "no.tgz": (b"hello", "cannot be unpacked"),
        "other.tgz": (archive(tmp_path / "o.tgz", {"x/y.json": WARM}).read_bytes(), "is not a FHIR package"),
        "thing.json": (b'{"a": 1}', "has no resourceType"),
        "text.json": (b"hello", "is not JSON"),
        "list.json": (b"[]", "not an object"),
    }
    for name, (content, message) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableFileError, match=message) as refusal:
            list(read_resources([tmp_path / name]))
        assert name in str(refusal.value)
    with pytest.raises(UnreadableFileError, match="there is no such file or folder"):
        list(read_resources([tmp_path / "nowhere"], on_unreadable=lambda problem: None))


def test_what_is_broken_can_be_left_out_and_the_rest_is_there(tmp_path: Path) -> None:
    place = folder(tmp_path / "content", {"bad.json": b"{", "worse.json": b'{"a": 1}'})
    archive(place / "p.tgz", package(more={"package/ValueSet-x.json": CUT}))
    problems: list[str] = []
    found = list(read_resources([place], on_unreadable=lambda problem: problems.append(str(problem))))
    assert len(found) == 2
    assert [message.split(": ")[0].rsplit("/", 1)[-1] for message in problems] == [
        "bad.json",
        "p.tgz, ValueSet-x.json",
        "worse.json",
    ]


# -- what is stowed ------------------------------------------------------------------------------


def test_a_document_of_a_package_is_what_it_is_in_a_file_of_its_own(tmp_path: Path) -> None:
    stowed = documents(archive(tmp_path / "a.tgz", package(R5)))
    alone = documents(folder(tmp_path / "files", {"c.json": COLOURS, "w.json": WARM}))
    for name, document in alone.items():
        assert {**stowed[name], "meta": None} == {**document, "meta": None}
    assert stowed["colours"]["concept"][0]["property"][0]["valueDecimal"] == Decimal("1.5")
    assert stowed["colours"]["meta"]["lastUpdated"].endswith("Z")


def test_a_header_is_the_document_without_its_content(tmp_path: Path) -> None:
    for stowed in read_resources([archive(tmp_path / "a.tgz", package())]):
        assert isinstance(stowed, LazyDocument)
        whole = stowed.document()
        assert stowed.header == {name: value for name, value in whole.items() if name not in CONTENT}
        assert stowed.document() is whole and stowed.glance() is whole


def test_equal_values_are_kept_once_and_unequal_ones_apart(tmp_path: Path) -> None:
    odd = {**WARM, "id": "odd", "name": "true", "experimental": True, "publisher": "HL7", "title": "HL7"}
    found = documents(archive(tmp_path / "a.tgz", package(R5, {"package/ValueSet-odd.json": odd})))["odd"]
    assert (found["name"], found["experimental"]) == ("true", True)
    headers = {
        f.header["id"]: f.header for f in read_resources([tmp_path / "a.tgz"]) if isinstance(f, LazyDocument)
    }
    assert headers["odd"]["status"] is headers["colours"]["status"]


class Counted(LazyDocument):
    """A stowed document that counts how often it is read."""

    __slots__ = ("reads",)

    def __init__(self, document: Document) -> None:
        self.reads = 0
        super().__init__(
            {k: v for k, v in document.items() if k not in CONTENT}, lambda: self._counted(document)
        )

    def _counted(self, document: Document) -> Document:
        self.reads += 1
        return document


def test_a_stowed_document_is_read_when_it_is_wanted_and_once() -> None:
    newer = Counted({**COLOURS, "version": "2.0.0", "id": "newer"})
    older, value_set, naming = Counted(COLOURS), Counted(WARM), Counted(NAMING)
    catalogue = catalogue_of([older, newer, value_set, naming])
    assert catalogue.known_versions("CodeSystem", COLOURS["url"]) == ["1.0.0", "2.0.0"]
    assert catalogue.preferred("urn:oid:1.2.3.4") == COLOURS["url"]
    assert [about.version for about in catalogue.abouts()] == ["1.0.0", "2.0.0"]
    with pytest.raises(TerminologyError):
        catalogue.system(COLOURS["url"], "3.0.0")
    assert [s.reads for s in (older, newer, value_set, naming)] == [0, 0, 0, 0]
    for _ in range(2):
        system = Overlay.of(catalogue, []).find_system("urn:oid:1.2.3.4")
        assert system is not None and system.locate("red") is not None
        implied = catalogue.value_set(COLOURS["valueSet"])
        assert implied["compose"]["include"][0]["system"] == COLOURS["url"]
    assert [s.reads for s in (older, newer, value_set, naming)] == [0, 1, 0, 0]


def test_every_way_to_a_stowed_document_gives_the_whole_of_it() -> None:
    supplement = {
        "resourceType": "CodeSystem",
        "url": f"{BASE}/CodeSystem/de",
        "content": "supplement",
        "supplements": COLOURS["url"],
        "concept": [{"code": "red", "designation": [{"language": "de", "value": "Rot"}]}],
    }
    mapping = {
        **PAINT,
        "group": [{"source": COLOURS["url"], "element": [{"code": "red", "noMap": True}]}],
    }
    held = [COLOURS, WARM, mapping, supplement]
    for catalogue in (
        catalogue_of([Counted(document) for document in held]),
        Overlay.of(catalogue_of([Counted(document) for document in held]), []),
    ):
        assert catalogue.find("ValueSet", WARM["url"]) == WARM
        assert catalogue.resource("CodeSystem", "colours") == COLOURS
        assert list(catalogue.documents("ValueSet")) == [WARM]
        assert catalogue.concept_map(PAINT["url"]).document == mapping
        assert [m.document for m in catalogue.concept_maps()] == [mapping]
        detail = catalogue.system(COLOURS["url"], None, [supplement["url"]]).describe(["red"])["red"]
        assert [d.value for d in detail.designations] == ["Rot"]


def test_a_search_reads_the_content_only_where_it_looks_there() -> None:
    colours, warm = Counted(COLOURS), Counted(WARM)
    app = create_app(Settings(environment={}, data=""), catalogue=catalogue_of([colours, warm])).test_client()
    assert app.get("/fhir/r5/ValueSet?name=cold").get_json()["total"] == 0
    assert (colours.reads, warm.reads) == (0, 0)
    found = app.get("/fhir/r5/ValueSet?code=red").get_json()
    assert found["total"] == 1 and found["entry"][0]["resource"]["compose"] == WARM["compose"]
    found = app.get("/fhir/r5/CodeSystem?url=" + COLOURS["url"]).get_json()
    assert [concept["code"] for concept in found["entry"][0]["resource"]["concept"]] == ["red", "blue"]


# -- terminology load ----------------------------------------------------------------------------


def load_command(*arguments: object) -> tuple[int, str]:
    result = CliRunner(env={"TERMINOLOGY_DATA": None}).invoke(main, ["load", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_what_is_loaded_is_served_at_every_start_from_then_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    place = archive(tmp_path / "package.tgz", package())
    settings = Settings(environment={}, bundled=False, data=str(data))
    assert list(open_catalogue(settings).headers("ValueSet")) == []
    code, said = load_command(place, "--data", data, "--dry-run")
    assert (code, "1 CodeSystem, 1 ValueSet (new, not kept" in said, data.exists()) == (0, True, False)
    code, said = load_command(place, "--data", data)
    assert (code, "(new: " in said) == (0, True)
    assert [file.name for file in (data / "content").iterdir()] == ["example.terms#1.2.0.tgz"]
    place.unlink()
    terminology = Terminology(settings=settings)
    answer = terminology.ask("CodeSystem/$lookup", system=COLOURS["url"], code="red")
    assert {"name": "display", "valueString": "Red"} in answer["parameter"]


def test_a_second_load_changes_nothing_and_a_new_version_is_added(tmp_path: Path) -> None:
    """Loading twice changes nothing, and a new version stands beside the old one."""
    kept = tmp_path / "kept"
    first = archive(tmp_path / "first.tgz", package())
    assert (install(first, kept).change, install(first, kept).change) == ("new", "known")
    second = archive(tmp_path / "second.tgz", package({**R4, "version": "1.3.0"}))
    again = archive(tmp_path / "again.tgz", package(more={"package/ConceptMap-paint.json": PAINT}))
    assert (install(second, kept).change, install(again, kept).change) == ("new", "changed")
    assert sorted(file.name for file in kept.iterdir()) == [
        "example.terms#1.2.0.tgz",
        "example.terms#1.3.0.tgz",
    ]


def test_a_folder_and_a_file_are_kept_under_their_own_names(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    place = folder(tmp_path / "mine", {"warm.json": WARM, "deep/colours.json": COLOURS})
    assert (install(place, kept).change, install(place, kept).change) == ("new", "known")
    folder(place, {"naming.json": NAMING})
    assert install(place, kept).change == "changed"
    assert install(place / "naming.json", kept).name == "naming.json"
    unpacked = folder(tmp_path / "unpacked", package())
    assert install(unpacked, kept).name == "example.terms#1.2.0"
    assert sorted(documents(kept)) == ["colours", "naming", "warm"]


def test_nothing_is_kept_of_what_cannot_be_read(tmp_path: Path) -> None:
    data = tmp_path / "data"
    bad = archive(tmp_path / "bad.tgz", package(more={"package/ValueSet-x.json": CUT}))
    empty = folder(tmp_path / "empty", {"readme.txt": b"nothing"})
    cases = {
        bad: "ValueSet-x.json",
        empty: "contains no CodeSystem, ",
        tmp_path / "nowhere": "there is no such",
    }
    for place, message in cases.items():
        code, said = load_command(place, "--data", data)
        assert code == 1 and message in said and not data.exists()
    assert load_command(bad, "--data", data, "--skip-broken")[0] == 0
    code, said = load_command(bad, "--data", "")
    assert code == 1 and "--data" in said


def test_a_start_can_leave_out_what_is_broken_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = folder(tmp_path / "content", {"bad.json": b"{", "warm.json": WARM})
    strict = Settings(environment={}, bundled=False, data="", content=[place])
    with pytest.raises(UnreadableFileError, match="bad.json"):
        open_catalogue(strict)
    lenient = Settings(environment={}, bundled=False, data="", content=[place], skip_broken=True)
    with caplog.at_level(logging.WARNING, logger="terminology"):
        assert [header["id"] for header in open_catalogue(lenient).headers("ValueSet")] == ["warm"]
    assert "bad.json" in caplog.text


def test_with_skip_broken_only_readable_resources_are_kept(
    tmp_path: Path,
) -> None:
    """With --skip-broken only the resources that were read are kept, so the next start reads them all."""
    place = folder(tmp_path / "mine", {"bad.json": b"{", "deep/worse.json": DEEP, "warm.json": WARM})
    folder(place / "unpacked", package(more={"package/ValueSet-x.json": CUT}))
    archive(place / "packed.tgz", package(more={"package/ValueSet-x.json": DEEP}))
    archive(place / "no.tgz", {"x.json": WARM})
    single = archive(tmp_path / "single.tgz", package(more={"package/ValueSet-x.json": CUT}))
    data = tmp_path / "data"
    for change in ("new", "known"):
        code, said = load_command(place, single, "--data", data, "--skip-broken")
        assert code == 0 and said.count(f"({change}: ") == 2, said
    kept = {str(file.relative_to(data / "content")) for file in (data / "content").rglob("*")}
    assert {"mine/warm.json", "mine/packed.tgz", "mine/unpacked/package/ValueSet-warm.json"} <= kept
    assert not any(name.endswith(("bad.json", "worse.json", "ValueSet-x.json", "no.tgz")) for name in kept)
    checked = CliRunner().invoke(main, ["serve", "--check", "--data", str(data), "--no-bundled"])
    counts = f"{3 + len(GRAMMARS)} CodeSystems, 4 ValueSets"
    assert checked.exit_code == 0 and counts in checked.output, checked.output
    assert (place / "bad.json").exists(), "what was given stays as it is"


def test_what_is_broken_in_content_is_left_out_of_a_service_by_skip_broken(tmp_path: Path) -> None:
    place = folder(tmp_path / "content", {"bad.json": b"{", "warm.json": WARM})
    serve = ["serve", "--check", "--no-bundled", "--data", "", "--content", str(place)]
    refused = CliRunner().invoke(main, serve)
    assert refused.exit_code == 1 and "bad.json" in refused.output
    started = CliRunner().invoke(main, [*serve, "--skip-broken"])
    assert started.exit_code == 0 and "1 ValueSet" in started.output


def test_of_files_only_JSON_is_read_and_XML_is_told_so(tmp_path: Path) -> None:
    xml = b'<?xml version="1.0"?><ValueSet xmlns="http://hl7.org/fhir"><url value="urn:x"/></ValueSet>'
    (tmp_path / "x.xml").write_bytes(xml)
    code, said = load_command(tmp_path / "x.xml", "--data", tmp_path / "data")
    assert code == 1 and "x.xml: is XML; files must be JSON" in said
    code, said = load_command(tmp_path, "--data", tmp_path / "data")
    assert code == 1 and "NamingSystem as JSON" in said


# -- ids -----------------------------------------------------------------------------------------


def test_a_resource_without_an_id_gets_one_that_is_the_same_at_every_start(tmp_path: Path) -> None:
    nameless = {name: value for name, value in COLOURS.items() if name != "id"}
    newer = {**nameless, "version": "2.0.0"}
    naming = {name: value for name, value in NAMING.items() if name != "id"}
    alone = folder(tmp_path / "files", {"a.json": nameless, "b.json": newer, "n.json": naming})
    packed = archive(
        tmp_path / "p.tgz", {"package/package.json": R5, "package/a.json": nameless, "package/b.json": newer}
    )
    first, again = sorted(documents(alone)), sorted(documents(alone))
    assert first == again and len(first) == 3 and set(documents(packed)) < set(first)
    for stowed in read_resources([packed]):
        assert isinstance(stowed, LazyDocument) and stowed.document()["id"] == stowed.header["id"]


@pytest.mark.parametrize("kind", ["files", "package"])
def test_what_a_search_finds_can_be_read_by_its_id(tmp_path: Path, kind: str) -> None:
    nameless = {name: value for name, value in WARM.items() if name != "id"}
    place = (
        folder(tmp_path / "files", {"warm.json": nameless})
        if kind == "files"
        else archive(tmp_path / "p.tgz", {"package/package.json": R4, "package/w.json": nameless})
    )
    settings = Settings(environment={}, bundled=False, data="", content=[place])
    client = create_app(settings, catalogue=open_catalogue(settings)).test_client()
    (entry,) = client.get(f"/fhir/r4/ValueSet?url={WARM['url']}").get_json()["entry"]
    read = client.get(f"/fhir/r4/ValueSet/{entry['resource']['id']}")
    assert read.status_code == 200 and read.get_json()["url"] == WARM["url"]


# -- real size -----------------------------------------------------------------------------------


def test_hl7_terminology_loads_whole(tmp_path: Path) -> None:
    found = sorted(FETCHED.glob("hl7.terminology.r4-*.tgz"))
    if not found:
        pytest.skip("fetched by benchmarks/expand_everything.py, which has not run here")
    settings = Settings(environment={}, bundled=False, data="", content=found[:1])
    terminology = Terminology(settings=settings)
    assert sum(1 for _ in terminology.catalogue.headers("CodeSystem")) > 800
    act_code = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    answer = terminology.ask("CodeSystem/$lookup", system=act_code, code="AMB")
    assert {"name": "display", "valueString": "ambulatory"} in answer["parameter"]


BUNDLES = sorted(
    [*(ROOT / "fhir_bundles" / "r5").glob("*.json"), *(ROOT / "fhir_bundles/definitions").glob("*.json")]
)


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.stem)
def test_the_installed_bundles_are_what_they_are_with_all_checks(bundle: Path) -> None:
    def without_time(document: Document | LazyDocument) -> Document:
        assert isinstance(document, dict)
        return {name: value for name, value in document.items() if name != "meta"}

    installed = [without_time(document) for document in installed_resources(bundle)]
    assert installed == [without_time(document) for document in read_resources([bundle])]


def test_a_damaged_installed_bundle_is_named(tmp_path: Path) -> None:
    bundle = tmp_path / "code-systems.json"
    bundle.write_bytes(BUNDLES[0].read_bytes()[:-100])
    with pytest.raises(
        UnreadableFileError, match=r"code-systems\.json: is damaged, install the package again"
    ):
        list(installed_resources(bundle))
