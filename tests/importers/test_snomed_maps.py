"""The implicit concept maps of an RF2 release: https://terminology.hl7.org/SNOMEDCT.html, "Implicit Concept Maps"."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminology.store.release import MapRow, OpenedConceptMap
from terminology.wire.r4 import equivalence
from tests.support.importing import opened
from tests.support.reporters import StrictReporter

CORE, SOURCE, TARGET, ICD_10 = "900000000000207008", "54535009", "22298006", "447562003"
SAME_AS, REPLACED_BY = "900000000000527005", "900000000000526001"
POSSIBLY, ALTERNATIVE = "900000000000523009", "900000000000530003"
DAY = "20330301"


def maps(folder: Path, refset: str, correlation: str = "447561005") -> OpenedConceptMap:
    """The map of the only reference set of a release, which has one row."""
    head = "id\teffectiveTime\tactive\tmoduleId"
    member = f"m\t{DAY}\t1\t{CORE}\t{refset}\t{SOURCE}"
    extended = "mapGroup\tmapPriority\tmapRule\tmapAdvice\tmapTarget\tcorrelationId\tmapCategoryId"
    files = {
        "sct2_Concept_Snapshot": f"{head}\tdefinitionStatusId\n{SOURCE}\t{DAY}\t1\t{CORE}\t900000000000074008",
        "sct2_Description_Snapshot-en": (
            f"{head}\tconceptId\tlanguageCode\ttypeId\tterm\tcaseSignificanceId"
        ),
    }
    if refset == ICD_10:
        files["der2_iisssccRefset_ExtendedMapSnapshot"] = (
            f"{head}\trefsetId\treferencedComponentId\t{extended}\n"
            f"{member}\t1\t1\tTRUE\tALWAYS A01\tA01\t{correlation}\t447637006"
        )
    else:
        files["der2_cRefset_AssociationSnapshot"] = (
            f"{head}\trefsetId\treferencedComponentId\ttargetComponentId\n{member}\t{TARGET}"
        )
    for name, text in files.items():
        (folder / f"{name}_INT_{DAY}.txt").write_text(f"{text}\n")
    (concept_map,) = (one for one in opened("snomed", folder) if isinstance(one, OpenedConceptMap))
    return concept_map


def words(concept_map: OpenedConceptMap) -> tuple[str | None, str]:
    """The relationship of the row, and its equivalence in R4."""
    (row,) = concept_map.mappings(StrictReporter())
    assert isinstance(row, MapRow) and row.relationship
    return row.relationship, row.equivalence or equivalence(row.relationship)


ASSOCIATIONS = {
    POSSIBLY: ("POSSIBLY EQUIVALENT TO", "related-to", "inexact"),
    REPLACED_BY: ("REPLACED BY", "equivalent", "equivalent"),
    SAME_AS: ("SAME AS", "equivalent", "equal"),
    ALTERNATIVE: ("ALTERNATIVE", "related-to", "inexact"),
}


@pytest.mark.parametrize("refset", ASSOCIATIONS)
def test_an_association_is_a_map_with_the_words_of_the_page(tmp_path: Path, refset: str) -> None:
    name, relationship, in_r4 = ASSOCIATIONS[refset]
    concept_map = maps(tmp_path, refset)
    assert words(concept_map) == (relationship, in_r4)
    release = concept_map.release
    assert release.name == f"SNOMED CT {name} Concept Map"
    assert release.header["description"] == (
        f"The concept map implicitly defined by the {name} Association Reference Set"
    )
    assert release.copyright is not None and release.copyright.startswith("This value set includes content")
    assert release.source_scope == release.target_scope == "http://snomed.info/sct?fhir_vs"


# The target seen from the source: exact, narrow to broad, broad to narrow, partial, not mappable, not specified.
CORRELATIONS = {
    ("447557004", "1193548004"): ("equivalent", "equal"),
    ("447558009", "1193549007"): ("source-is-narrower-than-target", "wider"),
    ("447559001", "1193547009"): ("source-is-broader-than-target", "narrower"),
    ("447560006", "1193550007"): ("related-to", "inexact"),
    ("447556008", "1193551006"): ("not-related-to", "disjoint"),
    ("447561005", "1193552004"): ("related-to", "relatedto"),
}


@pytest.mark.parametrize(("id_", "said"), [(id_, said) for ids, said in CORRELATIONS.items() for id_ in ids])
def test_a_correlation_says_what_the_target_is_to_the_source(
    tmp_path: Path, id_: str, said: tuple[str, str]
) -> None:
    assert words(maps(tmp_path, ICD_10, id_)) == said
