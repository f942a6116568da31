"""The choice of a version, if the server has several of a resource.

The rule is the same for every kind of resource. An exact version means that version. A wildcard (``1.x``,
``1.0.*``), an edition of SNOMED CT (``http://snomed.info/sct/[module]``) or no version means the best version that
fits. Complete content is better than a fragment; of equals, the later version is better. Which one is later follows
from the algorithm that the resources declare (``versionAlgorithm``: semver, integer, alpha, date, natural), else from
the order that the publisher uses, else from ``natural``.

``operations/value_set/version_pins.py`` decides which version a request, a pin or a value set asks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from terminology.core.model import Document

Key = tuple[Any, ...]
_NUMBERS = re.compile(r"([0-9]+)")
_EDITION = re.compile(r".+/(?P<module>[0-9]+)/version/(?P<date>[0-9]+)")
_INTERNATIONAL, _UNPUBLISHED = "900000000000207008", "/xsct/"
_WILDCARDS = frozenset("xX*")
_MONTH_FIRST = re.compile(r"(?P<month>0[1-9]|1[0-2])(?P<day>[0-3]\d)(?P<year>(?:19|20)\d\d)")


def natural(version: str) -> Key:
    """Digits by value, the rest as text; a number comes before a word.

    For versions of editions, as SNOMED CT has them, the date counts first; of one date the International
    Edition is the latest. Unpublished versions (``http://snomed.info/xsct/…``) come first.

    >>> natural("1.10") > natural("1.9")
    True
    >>> natural("http://x.org/11/version/20310101") > natural("http://x.org/99/version/20300101")
    True
    """
    edition = _EDITION.fullmatch(version)
    if edition is not None:
        is_international = edition["module"] == _INTERNATIONAL
        is_published = _UNPUBLISHED not in version
        order = (str(int(is_published)), edition["date"], str(int(is_international)))
        return *map(_number, order), *_parts(edition["module"])
    return _parts(version)


def _parts(version: str) -> Key:
    parts = [part for part in _NUMBERS.split(version) if part not in ("", ".", "-")]
    return tuple(_number(part) if _NUMBERS.fullmatch(part) else (1, 0, part) for part in parts)


def _number(digits: str) -> Key:
    """The key of a number of any length: Python reads none of thousands of digits."""
    significant = digits.lstrip("0")
    return 0, len(significant), significant


def semver(version: str) -> Key:
    """A pre-release comes before its release (semver.org, 11.3)."""
    release, dash, pre = version.partition("+")[0].partition("-")
    return natural(release), not dash, natural(pre)


def _month_first(version: str) -> Key:
    """``03042024`` is 2024-03-04 (https://terminology.hl7.org/RxNorm.html)."""
    date = _MONTH_FIRST.fullmatch(version)
    return natural("".join(date.group("year", "month", "day")) if date else version)


def _alpha(version: str) -> Key:
    return (version,)


_ALGORITHMS: dict[str, Callable[[str], Key]] = {
    "semver": semver,
    "integer": natural,
    "alpha": _alpha,
    "date": _alpha,
    "natural": natural,
}
# Publishers whose versions are in an order that FHIR has no algorithm for.
_OF_PUBLISHER: dict[str, Callable[[str], Key]] = {
    "http://www.nlm.nih.gov/research/umls/rxnorm": _month_first,
}
_CONTENT = {"complete": 3, "fragment": 2, "example": 1, "not-present": 0}


def algorithm_of(document: Document) -> str:
    """The version algorithm a resource declares, or ``natural``."""
    coding = document.get("versionAlgorithmCoding") or {}
    name = document.get("versionAlgorithmString") or coding.get("code") or "natural"
    return name if name in _ALGORITHMS else "natural"


def ranking(documents: Iterable[Document]) -> Callable[[Document], Key]:
    """A key that sorts the documents of one canonical url from worst to best."""
    listed = list(documents)
    usual = next((_OF_PUBLISHER[d["url"]] for d in listed if d.get("url") in _OF_PUBLISHER), natural)
    declared = (algorithm_of(document) for document in listed)
    algorithm = next((_ALGORITHMS[name] for name in declared if name != "natural"), usual)

    def standing(document: Document) -> Key:
        version = document.get("version")
        content = _CONTENT.get(document.get("content", "complete"), 0)
        return content, version is not None, algorithm(version) if version else ()

    return standing


def fits(version: str | None, pattern: str | None) -> bool:
    """Is this version the one of the pattern, or one of those that a wildcard or an edition stands for?

    >>> fits("1.2.0", "1.x"), fits("1.2.0", "1.2.0"), fits("1.2.0", "2.x"), fits("1.2.0", None)
    (True, True, False, True)
    >>> fits("http://snomed.info/sct/11/version/2024", "http://snomed.info/sct/11")
    True
    """
    if pattern is None or pattern == "*" or is_edition(version, pattern):
        return True
    if version is None or not is_wildcard(pattern):
        return False
    parts, own = pattern.split("."), version.split(".")
    return len(parts) <= len(own) and all(map(_fits_part, own, parts))


def _fits_part(own: str, part: str) -> bool:
    return own != "" if part in _WILDCARDS else own == part


def is_edition(version: str | None, url: str) -> bool:
    """Is ``url`` this version, or the edition of SNOMED CT that it is a version of?

    >>> is_edition("http://snomed.info/sct/11/version/2024", "http://snomed.info/sct/11")
    True
    """
    return version is not None and (version == url or version.startswith(f"{url}/version/"))


def is_wildcard(version: str) -> bool:
    return not _WILDCARDS.isdisjoint(version.split("."))


def best(documents: Sequence[Document], version: str | None) -> Document | None:
    """The best of the documents that fit, or None."""
    fitting = [document for document in documents if fits(document.get("version"), version)]
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    return max(fitting, key=ranking(documents))


def known(documents: Sequence[Document]) -> list[str]:
    """The versions there are, in order."""
    ordered = sorted(documents, key=ranking(documents)) if len(documents) > 1 else documents
    return [d["version"] for d in ordered if d.get("version")]
