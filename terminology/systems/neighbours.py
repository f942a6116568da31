"""Code systems near the described ones, of which there is neither an importer nor a grammar."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Neighbour:
    """A code system that is served only as the CodeSystem resource that somebody loads.

    ``codes`` says how its codes, displays and versions are, ``reason`` why there is no more.
    """

    name: str
    url: str
    codes: str
    reason: str


NEIGHBOURS = (
    Neighbour(
        "UNII",
        "http://fdasis.nlm.nih.gov",
        "The code is the UNII, the display the preferred term, the version `YYYYMMDD`.",
        "its list is a table: `terminology import csv` takes it with a description of its columns",
    ),
    Neighbour(
        "MDC (IEEE 11073)",
        "urn:iso:std:iso:11073:10101",
        "The code is a number (partition times 65,536 and the term), the display the reference id, the version a date; "
        "withdrawn codes are inactive.",
        "the list belongs to the IEEE, and is a table, too",
    ),
    Neighbour(
        "HGVS",
        "http://varnomen.hgvs.org",
        "Descriptions of variants by a grammar; they cannot be listed.",
        "no reader of the grammar comes with this package, and to accept any text would be wrong. Without a copy the "
        "code system is unknown, and an expansion of it is refused",
    ),
    Neighbour(
        "NCI Metathesaurus",
        "http://ncimeta.nci.nih.gov",
        "The tables are those of RxNorm with SAB=NCI; the code is SCUI.",
        "the importer of RxNorm takes the names by RxNorm alone",
    ),
    Neighbour(
        "MVX",
        "http://hl7.org/fhir/sid/mvx",
        "Manufacturers by letters; with a code of CVX one names a trade product.",
        "its list is a table: `terminology import csv` takes it with a description of its columns",
    ),
)
