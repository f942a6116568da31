"""Identifiers of SNOMED CT: those with a meaning of their own, and the check of any."""

from __future__ import annotations

URL = "http://snomed.info/sct"

IS_A = "116680003"
FSN, SYNONYM, DEFINITION = "900000000000003001", "900000000000013009", "900000000000550004"
# The use of a designation whose description is inactive: |Inactive value|.
INACTIVE_DESCRIPTION = "900000000000546006"
PREFERRED, ACCEPTABLE = "900000000000548007", "900000000000549004"
PRIMITIVE, DEFINED = "900000000000074008", "900000000000073002"
# |Concept model attribute| and |Linkage concept|: attributes are below one of them.
ATTRIBUTE_ROOTS = ("410662002", "106237007")
HISTORICAL = "900000000000522004"
# The rows of this association lead from the concept that stayed to the one that it replaces, those of all others back.
SAME_AS, MOVED_FROM = "900000000000527005", "900000000000525002"

# The properties that lead from an inactive concept to others, by their reference sets.
ASSOCIATIONS = {
    "900000000000527005": "sameAs",
    "900000000000526001": "replacedBy",
    "900000000000523009": "possiblyEquivalentTo",
    "900000000000528000": "wasA",
    "900000000000530003": "alternative",
    "900000000000524003": "movedTo",
    "900000000000525002": "movedFrom",
    "900000000000531004": "refersTo",
    "1186924009": "partiallyEquivalentTo",
    "1186921001": "possiblyReplacedBy",
}
# The profiles of history supplements (ECL 2.2, 6.11); the largest is every historical association.
HISTORY = {
    "MIN": ("900000000000527005",),
    "MOD": ("900000000000527005", "900000000000526001", "900000000000528000", "1186924009"),
}
# Language reference sets by their alias (ECL, appendix C: those of 2.2 and of today).
DIALECTS = {
    "da-dk": "554461000005103",
    "de": "722130004",
    "en-au": "32570271000036106",
    "en-ca": "19491000087109",
    "en-gb": "900000000000508004",
    "en-gb-x-drug": "999000681000001101",
    "en-gb-x-ext": "999001251000000103",
    "en-ie": "21000220103",
    "en-int-gmdn": "608771002",
    "en-nhs-clinical": "999001261000000100",
    "en-nhs-dmd": "999000671000001103",
    "en-nhs-pharmacy": "999000691000001104",
    "en-nz": "271000210107",
    "en-nz-x-pat": "281000210109",
    "en-uk-drug": "999000681000001101",
    "en-uk-ext": "999001251000000103",
    "en-us": "900000000000509007",
    "en-x-gmdn": "608771002",
    "en-x-nhs-clinical": "999001261000000100",
    "en-x-nhs-dmd": "999000671000001103",
    "en-x-nhs-pharmacy": "999000691000001104",
    "es": "450828004",
    "es-ar": "450828004",
    "es-uy": "5641000179103",
    "et-ee": "71000181105",
    "fr": "722131000",
    "fr-be": "21000172104",
    "fr-ca": "20581000087109",
    "ja": "722129009",
    "mi": "291000210106",
    "nb-no": "61000202103",
    "nl-be": "31000172101",
    "nl-nl": "31000146106",
    "nn-no": "91000202106",
    "sv-se": "46011000052107",
    "zh": "722128001",
}

# The terms, besides words and properties, that the importer of RF2 gives each concept: the reference sets that
# have it, the words of its text definitions, and the numbers of the signatures of its descriptions.
# ``SIGNATURE`` has the signatures themselves, see ``ecl.descriptions``.
MEMBER, DEFINITION_WORD, DESCRIPTION, SIGNATURE = "member", "definitionWord", "description", "signature"
# The terms for identifiers of concepts elsewhere: the scheme, and the scheme with the identifier behind ``#``.
SCHEME, ALTERNATE = "alternateScheme", "alternateIdentifier"
# The columns of every reference set that an expression constraint may ask for.
MEMBER_FILTERS = ("active", "effectiveTime", "moduleId")
# In the signature of a description that is inactive.
NO_LONGER = "!"


def _dihedral(a: int, b: int) -> int:
    """Multiplication in D5, in which Verhoeff's check digit is computed."""
    if a < 5:
        return (a + b) % 5 + 5 * (b > 4)
    return (a - b) % 5 + 5 * (b < 5)


_PERMUTED = [list(range(10))]
for _ in range(7):
    _PERMUTED.append([(1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit] for digit in _PERMUTED[-1]])
_TABLE = [
    [{str(digit): _dihedral(check, permuted[digit]) for digit in range(10)} for check in range(10)]
    for permuted in _PERMUTED
]


def is_identifier(identifier: str) -> bool:
    """Whether a SNOMED CT identifier has the right check digit (Verhoeff) and 6 to 18 digits.

    >>> is_identifier("54535009"), is_identifier("54535008"), is_identifier("5288900")
    (True, False, False)
    """
    if not (6 <= len(identifier) <= 18 and identifier.isascii() and identifier.isdigit()):
        return False
    check = 0
    for place, digit in enumerate(reversed(identifier)):
        check = _TABLE[place & 7][check][digit]
    return check == 0 and identifier[0] != "0"
