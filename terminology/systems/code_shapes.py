"""The shapes of codes by the rules of their owners, and the parts of which a fragment has all codes.

That a fragment lacks a code proves nothing, except in two cases: the text does not have the shape of a code of this
code system (its check digit may be wrong), or the fragment says that all codes of this kind are there. A fragment says
so with an extension of our own, ``[base]/StructureDefinition/code-system-complete-codes`` under any base: a regular
expression for whole codes, as ``0UBC.*``.

``SHAPES`` is for code systems whose owner says how a code is written. A shape takes more rather than less: headings,
ranges and marks that a release may have count as codes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from terminology.core import issues
from terminology.core.model import CodeSystemInfo, Issue
from terminology.core.patterns import full_match
from terminology.systems.described import DESCRIPTIONS
from terminology.systems.description import CodeShape
from terminology.systems.icd import OLD_ICD10GM, SHAPE10
from terminology.systems.snomed.identifiers import is_identifier

# The ends of the urls of two extensions of our own: all codes that match are there (valueString); the owner has more
# terms for the codes than are there (valueBoolean).
COMPLETE_CODES = "/StructureDefinition/code-system-complete-codes"
SOME_TERMS = "/StructureDefinition/code-system-some-terms"


def impossibility(about: CodeSystemInfo, code: str) -> str | None:
    """The reason why a code that a fragment lacks cannot exist, as a sentence; None if it may exist.

    Raises TerminologyError if the fragment states an expression that cannot be used.
    """
    shape = SHAPES.get(about.url)
    if shape is not None and not any(map(shape.accepts, _spellings(about, code))):
        return issues.code_has_wrong_shape(code, about.url, shape.rule)
    for extension in (about.document or {}).get("extension", ()):
        expression = extension.get("valueString")
        if expression and str(extension.get("url")).endswith(COMPLETE_CODES):
            if any(map(full_match(expression), _spellings(about, code))):
                return issues.code_in_complete_part(code, about.canonical, expression)
    return None


def may_be_elsewhere(about: CodeSystemInfo, code: str) -> bool:
    """Whether a code that is not here may be one all the same: the code system is here as a fragment."""
    return about.is_fragment and impossibility(about, code) is None


def unknown_code(about: CodeSystemInfo, code: str, remarks: Sequence[Issue] = ()) -> Issue:
    """The error for a code that a code system does not have; of a fragment with the reason why no part can have it.

    ``remarks``: those of the code system on the code.
    """
    reason = impossibility(about, code) if about.is_fragment else None
    unknown = (
        issues.unknown_code(code, about) if reason is None else issues.unknown_code_in_whole(code, about)
    )
    said_by_system = [remark.text for remark in remarks if remark.severity == "information"]
    return issues.with_hint(unknown, " ".join(said_by_system or [reason or ""]))


def has_only_some_terms(about: CodeSystemInfo) -> bool:
    """Whether the owner of the code system has more terms for the codes that are here."""
    extensions = (about.document or {}).get("extension", ())
    return any(str(e.get("url")).endswith(SOME_TERMS) and e.get("valueBoolean") is True for e in extensions)


def _spellings(about: CodeSystemInfo, code: str) -> tuple[str, ...]:
    """The code in each case in which it may be meant."""
    return (code,) if about.case_sensitive else (code, code.upper(), code.lower())


# -- SNOMED CT -----------------------------------------------------------------------------------

# Terms, strings, numbers and booleans of an expression, which do not belong to its structure.
_NO_STRUCTURE = re.compile(
    r"\|[^|]*\||\"(?:\\.|[^\"\\])*\"|#[+-]?[0-9]+(?:\.[0-9]+)?|\b(?:true|false)\b", re.I
)
_EXPRESSION = re.compile(r"\s*(?:===|<<<)?\s*[1-9][0-9\s+:,=(){}]*")


def is_concept_id(code: str) -> bool:
    """Whether a text may be the id of a concept: check digit, and the partition 00, or 10 with a namespace.

    >>> is_concept_id("54535009"), is_concept_id("54535008"), is_concept_id("680946014")
    (True, False, False)
    """
    partition = code[-3:-1]
    return is_identifier(code) and (partition == "00" or (partition == "10" and len(code) >= 11))


def is_concept_or_expression(code: str) -> bool:
    """Whether a text may be the id of a concept, or an expression of which every identifier is one.

    >>> is_concept_or_expression("=== 54535009 |Loop| : 363704007 = 71252005"), is_concept_or_expression("Loop")
    (True, False)
    """
    if code.isdigit():
        return is_concept_id(code)
    bare = _NO_STRUCTURE.sub(" ", code)
    return _EXPRESSION.fullmatch(bare) is not None and all(map(is_concept_id, re.findall("[0-9]+", bare)))


# -- the others ----------------------------------------------------------------------------------

ICD10PCS_CODE = re.compile(r"[0-9A-HJ-NP-Z]{7}")

# Of the two characters after the letter one is a digit: "N87", "C7A", and from 2026 on "QA0".
_CM_CATEGORY = "[A-Z](?:[0-9][0-9A-Z]|[A-Z][0-9])"
_CHAPTER = "[IVX]{1,5}|[0-9]{1,2}"
_MESH_NUMBER = "(?:[0-9]{6}|[0-9]{9})"

SHAPES: dict[str, CodeShape] = {
    "http://snomed.info/sct": CodeShape(
        r"[^\0]*",
        "6 to 18 digits, of which the last is a check digit (Verhoeff) and the two before it say that it is a "
        "concept, or it is an expression of such identifiers",
        is_concept_or_expression,
    ),
    "http://www.cms.gov/Medicare/Coding/ICD10": CodeShape(
        ICD10PCS_CODE.pattern, "seven characters, each a digit or a capital letter other than I and O"
    ),
    "http://hl7.org/fhir/sid/icd-10-cm": CodeShape(
        rf"{_CM_CATEGORY}(?:\.[0-9A-Z]{{1,4}}|-{_CM_CATEGORY})?|{_CHAPTER}",
        "a capital letter and two digits, or a digit and a capital letter, and then perhaps a dot and one to four more",
    ),
    "http://hl7.org/fhir/sid/icd-9-cm": CodeShape(
        (
            r"(?:[0-9]{2,3}|V[0-9]{2})(?:\.[0-9]{1,2})?|E[0-9]{3}(?:\.[0-9])?"
            r"|(?:[0-9]{2,3}|V[0-9]{2}|E[0-9]{3})-(?:[0-9]{2,3}|V[0-9]{2}|E[0-9]{3})"
        ),
        "two or three digits, V and two digits or E and three digits, and then perhaps a dot and more digits",
    ),
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": CodeShape(
        "[A-V][0-9]{4}|[A-Z][A-Z0-9]",
        "a letter from A to V and four digits, or a modifier has two characters, the first of them a letter",
    ),
    "http://fhir.de/CodeSystem/bfarm/ops": CodeShape(
        r"[0-9](?:-[0-9]{2}(?:[0-9a-z](?:\.[0-9a-z]{1,2})?)?(?:\.\.\.[0-9]-[0-9]{2})?)?",
        "a digit, a hyphen and two or three more characters, and then perhaps a dot and one or two",
    ),
    "https://fhir.hl7.org.uk/CodeSystem/OPCS-4": CodeShape(
        r"[A-Z](?:[0-9]{2}(?:\.?[0-9])?)?",
        "a capital letter and two digits, and then perhaps a dot and a digit",
    ),
    "https://smt.esante.gouv.fr/terminologie-ccam": CodeShape(
        # Groups of acts have digits and dots, or the first letters.
        r"[A-Z]{4}[0-9]{3}|[A-Z]{1,4}|[0-9]{1,2}(?:\.[0-9]{1,2})*",
        "four capital letters and three digits",
    ),
    # Until 2014 with six digits, since then with nine; those of concepts had seven. The namespace of MeSH RDF, an
    # alias, has pairs of descriptor and qualifier besides. https://www.nlm.nih.gov/pubs/techbull/ma13/ma13_mesh_ui_expand.html
    "https://www.nlm.nih.gov/mesh": CodeShape(
        rf"D{_MESH_NUMBER}(?:Q{_MESH_NUMBER})?|[CQT]{_MESH_NUMBER}|M(?:[0-9]{{7}}|[0-9]{{9}})",
        "a letter (D for a descriptor, Q for a qualifier, C for a supplementary concept record) and six or nine digits",
    ),
    (
        "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/"
        "MS-DRG-Classifications-and-Software"
    ): CodeShape("[0-9]{3}", "three digits"),
}  # fmt: skip
# ICD-10-GM and OPS have older urls.
SHAPES[OLD_ICD10GM] = SHAPE10
SHAPES["http://fhir.de/CodeSystem/dimdi/ops"] = SHAPES["http://fhir.de/CodeSystem/bfarm/ops"]
SHAPES |= {each.url: each.shape for each in DESCRIPTIONS if each.shape is not None}
