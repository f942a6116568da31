"""Codes, code systems and words that a user may have meant, where there are none as they were written.

People leave out dots, blanks and leading zeros, or add them, write the letter O for the digit 0, write in another
case, add modifiers, put the version into the uri, and name a code system or map by its short name or id. Words they
spell as in Britain or America, or with a typing error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.budget import counted
from terminology.core.errors import TerminologyError
from terminology.core.issues.phrases import did_you_mean
from terminology.core.model import Document, split_canonical
from terminology.core.texts import bare, edits
from terminology.operations.value_set.resolution import explain_unusable_system
from terminology.systems.protocol import CodeSystem

# A longer text is hardly a mistyped code, and has too many places where a mark may be missing.
_LONGEST_CODE = 40
_LONGEST_WITH_MARK = 8
_MARKS = ".-"
_MOST_LOST_ZEROS = 4
_ZEROS = str.maketrans("Oo", "00")
_MOST_HINTS = 5
# Names of at least this length may have two typing errors; shorter ones may have one.
_LONG_NAME = 8
# A longer name or url is hardly a mistyped one.
_LONGEST_NAME = 500
# The steps to compare one name with another.
_STEPS = 20
# Names that begin with x- are free for everybody: https://hl7.org/fhir/R5/operations.html.
_NAME = re.compile(r"^(?!x-)[A-Za-z][A-Za-z_-]*$")
_MS_DRG = (
    "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/"
    "MS-DRG-Classifications-and-Software"
)
# The short names of code systems, as ``bare`` writes them, for those that nothing here names. HL7's table 0396 has C4.
SHORT_NAMES = {
    "bcp47": "urn:ietf:bcp:47",
    "c4": "http://www.ama-assn.org/go/cpt",
    "ccam": "https://smt.esante.gouv.fr/terminologie-ccam",
    "cpt": "http://www.ama-assn.org/go/cpt",
    "cpt4": "http://www.ama-assn.org/go/cpt",
    "drg": _MS_DRG,
    "hcpcs": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "hcpcslevel2": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "hcpcslevelii": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "icd9": "http://hl7.org/fhir/sid/icd-9-cm",
    "icd9cm": "http://hl7.org/fhir/sid/icd-9-cm",
    "icd10": "http://hl7.org/fhir/sid/icd-10",
    "icd10cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "icd10pcs": "http://www.cms.gov/Medicare/Coding/ICD10",
    "icdo3": "http://terminology.hl7.org/CodeSystem/icd-o-3",
    "loinc": "http://loinc.org",
    "msdrg": _MS_DRG,
    "opcs": "https://fhir.hl7.org.uk/CodeSystem/OPCS-4",
    "opcs4": "https://fhir.hl7.org.uk/CodeSystem/OPCS-4",
    "ops": "http://fhir.de/CodeSystem/bfarm/ops",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "sct": "http://snomed.info/sct",
    "snomed": "http://snomed.info/sct",
    "snomedct": "http://snomed.info/sct",
    "ucum": "http://unitsofmeasure.org",
}
_NUMBERS = re.compile("[0-9]+")
_HYPHENS = re.compile(r"[-_\s]")
_END_OF_NAME = "NamingSystem"
_OPTIONAL_PARTS = re.compile(r"^(https?://)?(www\.)?")


# Code systems whose codes take modifiers, without the scheme of their uris: https://terminology.hl7.org/CPT.html
_WITH_MODIFIERS = ("www.ama-assn.org/go/cpt", "www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets")
# A modifier has two characters, after a mark or a blank. With nothing between, it has a letter: seven digits are
# rather another code.
_MODIFIED = re.compile(
    r"([A-Z0-9]{5})((?:\s*[:,.-]\s*[A-Z0-9]{2}|\s+[A-Z0-9]{2}|(?=\d?[A-Z])[A-Z0-9]{2})+)", re.IGNORECASE
)
_MODIFIER = re.compile(r"[A-Z0-9]{2}", re.IGNORECASE)


def base_code(system: str | None, code: str) -> tuple[str, str] | None:
    """The base code and the modifiers of a code of CPT or HCPCS; None for a code without modifiers.

    >>> base_code("http://www.ama-assn.org/go/cpt", "57520:51")
    ('57520', '51')
    >>> base_code("http://www.ama-assn.org/go/cpt", "57520LT 51")
    ('57520', 'LT, 51')
    """
    if system is None or system.partition("://")[2] not in _WITH_MODIFIERS:
        return None
    match = _MODIFIED.fullmatch(code.strip())
    return (match[1], ", ".join(_MODIFIER.findall(match[2]))) if match else None


def code_hint(system: CodeSystem, code: str) -> str:
    """A question that names the codes with the same letters and digits; empty if there are none.

    Case, blanks, marks and leading zeros may differ, and the letter O may stand for 0. If it is a code with modifiers
    and other marks than colons, that with colons is named; if that is none either, the code without the modifiers.
    """
    if len(code) > _LONGEST_CODE or not bare(code):
        return ""
    parts = base_code(system.about.url, code)
    if parts is not None and system.about.has_expressions:
        with_colons = ":".join([parts[0], *parts[1].split(", ")]).upper()
        if with_colons != code and system.locate(with_colons) is not None:
            return did_you_mean([with_colons])
    base = code if parts is None else parts[0]
    # All spellings at once: a store then has one question to answer.
    known = system.describe(list(dict.fromkeys(_spellings(base))))
    concepts = (system.locate(text) for text in known)
    similar = {concept.code for concept in concepts if concept and _alike(concept.code) == _alike(base)}
    if system.about.is_infinite:  # a grammar reads other numbers, too
        similar = {text for text in similar if _NUMBERS.findall(text) == _NUMBERS.findall(base)}
    return did_you_mean(sorted(similar))


def _alike(code: str) -> str:
    """The code as it is compared with another that may be mistyped."""
    return bare(code.translate(_ZEROS))


def confusable(code: str) -> list[str]:
    """The code, and, if it has the letter O, the code with the digit 0 in its place."""
    return list(dict.fromkeys((code, code.translate(_ZEROS))))


def _spellings(code: str) -> Iterator[str]:
    plain = "".join(c for c in code if c.isalnum())
    texts = [code.strip(), "".join(code.split()), plain, "-".join(re.split(r"[\W_]+", code.strip()))]
    if len(plain) <= _LONGEST_WITH_MARK and any(c.isdigit() for c in plain):
        texts += [plain[:i] + mark + plain[i:] for mark in _MARKS for i in range(1, len(plain))]
    if any(c.isdigit() for c in plain):
        texts += ["0" * number + text for text in texts[:3] for number in range(1, _MOST_LOST_ZEROS + 1)]
    for text in texts:
        for cased in {text, text.upper(), text.lower()}:
            yield cased
            if cased[:1] == "0":
                yield cased.lstrip("0")
            if "O" in cased or "o" in cased:
                yield cased.translate(_ZEROS)


def find_system(
    catalogue: Catalogue, url: str, version: str | None = None, supplements: Sequence[str] = ()
) -> CodeSystem:
    """The code system of a url and version, seen through some supplements.

    Raises TerminologyError as ``Catalogue.system``; for an unknown url the text asks whether another was meant. A
    code system with example codes only is as unknown as one without any (``CodeSystem.content``).
    """
    try:
        system = catalogue.system(url, version, supplements)
    except TerminologyError as missing:
        known = catalogue.preferred(url)
        if version is None and catalogue.known_versions("CodeSystem", known):
            reasons = [explain_unusable_system(catalogue, known, issue) for issue in missing.issues]
            raise TerminologyError(reasons) from None
        if catalogue.known_versions("CodeSystem", known):
            raise
        hint = system_hint(catalogue, url)
        raise TerminologyError(issues.with_hint(issue, hint) for issue in missing.issues) from None
    if system.about.is_example:
        unknown = issues.unknown_system(system.about.url)
        raise TerminologyError(explain_unusable_system(catalogue, system.about.url, unknown))
    return system


def system_hint(catalogue: Catalogue, url: str, also: Iterable[str | None] = ()) -> str:
    """A question that names the code systems with nearly the same uri; empty if there are none.

    ``also`` has uris of code systems that need not be here, such as those that maps lead to.
    """
    base, version = split_canonical(url)
    if version is not None and catalogue.find_system(base) is not None:
        return issues.version_in_the_system(catalogue.preferred(base), version)
    names = _system_names(catalogue)
    bare_url = _bare_url(base)
    similar = {other for other in also if other is not None and _bare_url(other) == bare_url}
    return did_you_mean(sorted((similar | names.like(base)) - {url}))


def system_named(catalogue: Catalogue, name: str) -> str:
    """The uri of the code system that a person names: by its uri, or by a short name, name, title or id.

    A uri that is not known is taken as it is: a map may lead from a code system that is not here. A well-known short
    name (``SHORT_NAMES``) means the same everywhere, whatever else is loaded.

    Raises TerminologyError for a name that no code system has, or several.
    """
    if ":" in name:
        return catalogue.preferred(name)
    if bare(name) in SHORT_NAMES:
        return catalogue.preferred(SHORT_NAMES[bare(name)])
    urls = _system_names(catalogue).like(name)
    if len(urls) == 1:
        return urls.pop()
    issue = issues.name_of_several_systems(name, urls) if urls else issues.unknown_system_name(name)
    raise TerminologyError(issue)


def _system_names(catalogue: Catalogue) -> _SystemNames:
    names = catalogue.cache.get(("names of code systems",), lambda: _SystemNames.of(catalogue))
    assert isinstance(names, _SystemNames)
    return names


@dataclass(slots=True)
class _SystemNames:
    """The code systems of a catalogue by all that they are called; made once for each catalogue."""

    by_url: dict[str, set[str]] = field(default_factory=dict)
    by_name: dict[str, set[str]] = field(default_factory=dict)

    @staticmethod
    def of(catalogue: Catalogue) -> _SystemNames:
        names = _SystemNames()
        for name, url in SHORT_NAMES.items():
            names._add(url, [name])
        for about in catalogue.abouts():
            names._add(about.url, [about.name, about.title, about.url.rpartition("/")[2]])
        for header in catalogue.headers("NamingSystem"):
            uri, own = _names_of(header)
            if uri is not None:
                names._add(catalogue.preferred(uri), own)
        return names

    def _add(self, url: str, names: Iterable[str | None]) -> None:
        self.by_url.setdefault(_bare_url(url), set()).add(url)
        for name in filter(None, map(bare, filter(None, names))):
            self.by_name.setdefault(name, set()).add(url)

    @property
    def weight(self) -> int:
        return len(self.by_name)

    def like(self, url: str) -> set[str]:
        """The code systems with nearly this uri, or with this short name, name, title or id."""
        similar = self.by_url.get(_bare_url(url), set())
        return similar if ":" in url or not bare(url) else similar | self.by_name.get(bare(url), set())


def _names_of(naming: Document) -> tuple[str | None, list[str | None]]:
    """The uri of the code system that a NamingSystem is about, or None, and its names and mnemonics."""
    ids = naming.get("uniqueId", ()) if naming.get("kind") == "codesystem" else ()
    uris = [i for i in ids if i.get("type") in ("uri", "url")]
    uri = next((i for i in uris if i.get("preferred")), uris[0] if uris else {}).get("value")
    mnemonics = [i.get("value") for i in ids if i.get("type") in ("other", "v2csmnemonic")]
    name = naming.get("name")
    short = name.removesuffix(_END_OF_NAME) if isinstance(name, str) else None
    return uri, [name, short, naming.get("title"), naming.get("id"), *mnemonics]


def map_hint(catalogue: Catalogue, url: str) -> str:
    """A question that names the concept maps with this id or name, or with nearly this url; empty if there are none."""
    if len(url) > _LONGEST_NAME:
        return ""
    headers = [header for header in counted(catalogue.headers("ConceptMap"), _STEPS) if header.get("url")]
    similar = {str(header["url"]) for header in headers if _is_nearly(header, url)}
    if not similar:
        similar = {
            str(h["url"]) for h in headers if _is_misspelled(_last_part(url), _last_part(str(h["url"])))
        }
    return did_you_mean(sorted(similar - {url})[:_MOST_HINTS])


def find_resource(catalogue: Catalogue, kind: str, id_: str) -> Document:
    """The resource with an id.

    Raises TerminologyError when there is none; the text asks whether a resource with nearly this id was meant.
    """
    try:
        return catalogue.resource(kind, id_)
    except TerminologyError as unknown:
        if catalogue.has_id(kind, id_):
            raise
        ids = {str(header.get("id", "")) for header in counted(catalogue.headers(kind), _STEPS)}
        hint = did_you_mean(sorted(other for other in ids if _is_misspelled(id_, other))[:_MOST_HINTS])
        raise TerminologyError(issues.with_hint(issue, hint) for issue in unknown.issues) from None


def _is_misspelled(name: str, known: str) -> bool:
    """True if only marks and case tell a name from a known one, or, if it is long, at most two letters do.

    The first letter is right, as it mostly is: thousands of names are compared.
    """
    if len(name) > _LONGEST_NAME:
        return False
    plain, known = bare(name), bare(known)
    return plain[:1] == known[:1] and edits(plain, known, 2 if len(plain) >= _LONG_NAME else 0) is not None


def _is_nearly(header: Document, url: str) -> bool:
    """True if a resource has this url, id or name, whatever scheme, case and slashes, or the same last part."""
    bare_url = _bare_url(split_canonical(url)[0])
    if bare_url in (_bare_url(str(header.get(name, ""))) for name in ("url", "id", "name")):
        return True
    return _last_part(url) in (header.get("id"), _last_part(str(header["url"])))


def _last_part(url: str) -> str:
    return split_canonical(url)[0].rpartition("/")[2]


def _bare_url(url: str) -> str:
    """A uri without its scheme, case, hyphens and last slash."""
    return _HYPHENS.sub("", _OPTIONAL_PARTS.sub("", url.casefold()).rstrip("/#"))


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """The known names of which this one is a misspelling, the nearest ones; empty for a name with other characters.

    >>> near_names("sytem", ["system", "version"]), near_names("active_only", ["activeOnly"])
    (['system'], ['activeOnly'])
    """
    if len(name) > _LONGEST_NAME:
        return []
    plain = bare(name)
    most = 2 if len(plain) >= _LONG_NAME else 1
    if not _NAME.match(name) or len(plain) <= most + 1:
        return []
    by_distance: dict[int, list[str]] = {}
    # Of several spellings of one name the first is enough.
    first_of = {bare(other): other for other in reversed(list(known))}
    for other_plain, other in reversed(first_of.items()):
        distance = edits(plain, other_plain, most)
        if distance is not None:
            by_distance.setdefault(distance, []).append(other)
    return by_distance[min(by_distance)] if by_distance else []


# -- words ---------------------------------------------------------------------------------------

# Letters that Britain and America write differently in the same word: anaemia, oesophagus, tumour, centre,
# litre, ionise, analyse, sulphur, leucocyte, mould, grey, labelled.
_LETTERS = (
    ("ae", "e"), ("oe", "e"), ("our", "or"), ("re", "er"), ("is", "iz"), ("ys", "yz"), ("ph", "f"),
    ("uc", "uk"), ("mould", "mold"), ("grey", "gray"), ("ll", "l"),
)  # fmt: skip
_MOST_SPELLINGS = 200
# A shorter word has too many words beside it.
_SHORTEST_WITH_ERROR = 4


def other_spellings(word: str) -> list[str]:
    """A word, or the beginning of one, as it may be written on the other side of the Atlantic.

    Most of these are not words: only those that a text has are of use.

    >>> "esophageal" in other_spellings("oesophageal"), "haemolyse" in other_spellings("hemolyze")
    (True, True)
    """
    spellings = {word: None}
    for _ in range(2):  # a word has two such places at most: anaesthetise
        for known in list(spellings):
            spellings.update(dict.fromkeys(_respelled(known)))
        if len(spellings) > _MOST_SPELLINGS:
            break
    return list(spellings)[1:_MOST_SPELLINGS]


def _respelled(word: str) -> Iterator[str]:
    """The word with the letters at one place spelled otherwise."""
    for british, american in _LETTERS:
        for old, new in ((british, american), (american, british)):
            for match in re.finditer(old, word):
                yield word[: match.start()] + new + word[match.end() :]


def without_error(word: str, known: str) -> str | None:
    """The beginning of a known word from which a word differs by one typing error; None if there is none.

    An error is one that ``texts.edits`` counts, but here the word may be the beginning of a longer one, and thousands
    of words are compared. The first letter is right, as it mostly is.

    >>> without_error("tonsilect", "tonsillectomy"), without_error("biopys", "biopsy")
    ('tonsillect', 'biopsy')
    >>> without_error("xray", "gray") is None
    True
    """
    if len(word) < _SHORTEST_WITH_ERROR or not (word.isalpha() and known.isalpha()):
        return None
    same = next((i for i, (one, other) in enumerate(zip(word, known, strict=False)) if one != other), None)
    if same is None:
        return known if len(known) == len(word) - 1 else None
    if same == 0:
        return None
    rest, right = word[same:], known[same:]
    if right.startswith(rest[1:2] + rest[:1] + rest[2:]) and len(rest) > 1:
        return known[: len(word)]
    if right[1:].startswith(rest[1:]):
        return known[: len(word)]
    if right[1:].startswith(rest):
        return known[: len(word) + 1]
    return known[: len(word) - 1] if right.startswith(rest[1:]) and len(rest) > 1 else None
