"""Made-up releases of any size in the true formats, one for each importer."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from textwrap import wrap

from tests.support import loinc_files, omop_files, rf2, rxnorm_files, synthetic

_PCS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def _texts(count: int, words: int = 6) -> Iterator[str]:
    chance, pool = random.Random(3), synthetic.vocabulary()
    for _ in range(count):
        yield " ".join(chance.choices(pool, k=words)).capitalize()


def _write(path: Path, lines: Sequence[str], end: str = "\r\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(line + end for line in lines).encode())


# -- the codes -------------------------------------------------------------------------------------


def _hcpcs_code(number: int) -> str:
    return f"{'ABCDEGHJKLMPQRSTV'[number // 10_000]}{number % 10_000:04}"


def _cm_category(number: int) -> str:
    return f"{'ABCDEFGHIJKLMNOPQRST'[number // 100]}{number % 100:02}"


def _cm_code(number: int) -> str:
    return f"{_cm_category(number // 10)}.{number % 10}"


def _pcs_code(number: int) -> str:
    body, approach, table = number % 20, number // 20 % 10, number // 200
    return f"0{_PCS[table // 20]}{_PCS[table % 20]}{_PCS[body]}{approach}ZZ"


# -- the files -------------------------------------------------------------------------------------


def _cpt(folder: Path, count: int) -> Path:
    base = folder / "cpt-2031"
    rows = [f"{10_000 + number} {text}" for number, text in enumerate(_texts(count))]
    _write(base / "LONGULT.txt", rows)
    _write(base / "LONGUT.txt", [row.upper() for row in rows])
    _write(base / "MEDU.txt", [row[:48].upper() for row in rows])
    _write(base / "SHORTU.txt", [row[:28].upper() for row in rows])
    for name in ("ConsumerDescriptor.txt", "ClinicianDescriptor.txt"):
        _write(base / name, [f"{1_000_000 + number} {row} {name[:4]}" for number, row in enumerate(rows)])
    return base


def _hcpcs(folder: Path, count: int) -> Path:
    rows = []
    for number, text in enumerate(_texts(count, 20)):
        for place, line in enumerate(wrap(text, 80)):
            head = f"{_hcpcs_code(number)}{100 * place + 100:05}{4 if place else 3}{line:80}"
            rows.append(f"{head}{'' if place else text[:28]}".ljust(268) + "2020010120200101".ljust(52))
    _write(folder / "HCPC2031_JAN_ANWEB.txt", rows)
    return folder / "HCPC2031_JAN_ANWEB.txt"


def _icd10cm(folder: Path, count: int) -> Path:
    """Chapters of a hundred categories with ten codes each, and notes in the categories."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        "<ICD10CM.tabular><version>2031</version><introduction/>",
    ]
    texts = _texts(3 * count)
    for chapter in range(-(-count // 1000)):
        letter = _cm_category(100 * chapter)[0]
        lines.append(f"<chapter><name>{chapter + 1}</name><desc>{next(texts)} ({letter}00-{letter}99)</desc>")
        lines.append(
            f'<section id="{letter}00-{letter}99"><desc>{next(texts)} ({letter}00-{letter}99)</desc>'
        )
        for category in range(100 * chapter, min(100 * chapter + 100, -(-count // 10))):
            lines.append(f"<diag><name>{_cm_category(category)}</name><desc>{next(texts)}</desc>")
            lines.append(f"<excludes1><note>{next(texts)}</note></excludes1>")
            for code in map(_cm_code, range(10 * category, 10 * category + 10)):
                lines.append(f"<diag><name>{code}</name><desc>{next(texts)}</desc>")
                lines.append(f"<inclusionTerm><note>{next(texts)}</note></inclusionTerm></diag>")
            lines.append("</diag>")
        lines.append("</section></chapter>")
    _write(folder / "icd10cm_tabular_2031.xml", [*lines, "</ICD10CM.tabular>"])
    return folder / "icd10cm_tabular_2031.xml"


def _icd10pcs(folder: Path, count: int) -> Path:
    rows, texts, last = [], _texts(2 * count), ""
    for code in sorted(map(_pcs_code, range(count))):
        if code[:3] != last:
            last, text = code[:3], next(texts)
            rows.append(f"{len(rows) + 1:05} {last:7} 0 {text[:60]:60} {text}")
        text = next(texts)
        rows.append(f"{len(rows) + 1:05} {code:7} 1 {text[:60]:60} {text}")
    _write(folder / "icd10pcs_order_2031.txt", rows)
    return folder / "icd10pcs_order_2031.txt"


def _msdrg(folder: Path, count: int) -> Path:
    columns = "MS-DRG \tFY 2031 Final Post-Acute DRG\tFY 2031 Final Special Pay DRG\tMDC\tTYPE\tMS-DRG Title"
    weights = "\tWeights - Before Cap\tWeights - 10% Cap Applied \tGeometric mean LOS\tArithmetic mean LOS"
    rows = [
        f"{number + 1:03}\tYes\tNo\t{number % 25:02}\tSURG\t{text}\t{number % 99}.0491\t2.1\t1.5\t2.0"
        for number, text in enumerate(_texts(min(count, 999)))
    ]
    _write(
        folder / "table5.txt",
        ["TABLE 5.-LIST OF GROUPS-FY 2031 Final Rule" + "\t" * 9, columns + weights, *rows],
    )
    return folder / "table5.txt"


def _gem(folder: Path, count: int) -> Path:
    rows = [
        f"{number + 100:04}  {_pcs_code((number * 7 + again) % 20_000)} 10000"
        for number in range(min(count // 3, 9_000))
        for again in range(3)
    ]
    _write(folder / "gem_i9pcs_2031.txt", rows)
    return folder / "gem_i9pcs_2031.txt"


def _omop(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return omop_files.write(folder, count)


def _omop_concepts(folder: Path, count: int) -> Path:
    """The table of concepts alone: the same properties are made of it as in earlier versions."""
    for file in _omop(folder, count).iterdir():
        if file.name != "CONCEPT.csv":
            file.unlink()
    return folder


def _snomed(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return rf2.write(folder / "release.zip", rf2.Made(count, 3 * count))


# What writes a release with about so many codes to a folder; it returns what is to be imported. The importer is the
# first word of the name.
RELEASES: dict[str, Callable[[Path, int], Path]] = {
    "snomed": _snomed,
    "loinc": loinc_files.write,
    "rxnorm": rxnorm_files.write,
    "omop": _omop,
    "omop concepts": _omop_concepts,
    "icd10cm": _icd10cm,
    "icd10pcs": _icd10pcs,
    "cpt": _cpt,
    "hcpcs": _hcpcs,
    "msdrg": _msdrg,
    "gem": _gem,
}
