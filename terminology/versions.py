"""Which version of a resource is meant, when several are here?
 The rule, the same for every kind of resource: an exact version is that version; a wildcard (``1.x``,
``1.0.*``) or no version is the best of those that fit. Complete content is better than a fragment, and of
equals the later version is better, by the algorithm that the resources declare (``versionAlgorithm``:
semver, integer, alpha, date, natural), otherwise by ``natural``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from terminology.model import Document

Key = tuple[Any, ...]
_NUMBERS = re.compile(r"(\d+)")


def natural(version: str) -> Key:
    """Digits by value, the rest as text; a number comes before a word.

    >>> natural("1.10") > natural("1.9")
    True
    """
    parts = [part for part in _NUMBERS.split(version) if part not in ("", ".", "-")]
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def _semver(version: str) -> Key:
    """A pre-release comes before its release (semver.org, 11.3)."""
    release, dash, pre = version.partition("+")[0].partition("-")
    return natural(release), not dash, natural(pre)


def _alpha(version: str) -> Key:
    return (version,)


_ALGORITHMS: dict[str, Callable[[str], Key]] = {
    "semver": _semver,
    "integer": natural,
    "alpha": _alpha,
    "date": _alpha,
    "natural": natural,
}
_CONTENT = {"complete": 3, "fragment": 2, "example": 1, "not-present": 0}


def algorithm_of(document: Document) -> str:
    """The version algorithm a resource declares, or ``natural``."""
    coding = document.get("versionAlgorithmCoding") or {}
    name = document.get("versionAlgorithmString") or coding.get("code") or "natural"
    return name if name in _ALGORITHMS else "natural"


def ranking(documents: Iterable[Document]) -> Callable[[Document], Key]:
    """A key that sorts the documents of one canonical url from worst to best."""
    declared = (algorithm_of(document) for document in documents)
    algorithm = _ALGORITHMS[next((name for name in declared if name != "natural"), "natural")]

    def standing(document: Document) -> Key:
        version = document.get("version")
        content = _CONTENT.get(document.get("content", "complete"), 0)
        return content, version is not None, algorithm(version) if version else ()

    return standing


def fits(version: str | None, wanted: str | None) -> bool:
    """Is this the version wanted, or one of those that a wildcard means?

    >>> fits("1.2.0", "1.x"), fits("1.2.0", "1.2.0"), fits("1.2.0", "2.x"), fits("1.2.0", None)
    (True, True, False, True)
    """
    if wanted is None or wanted == "*" or version == wanted:
        return True
    if version is None or not is_wildcard(wanted):
        return False
    pattern = "".join(r"[^.]+" if part in "xX*" else re.escape(part) for part in re.split(r"([.])", wanted))
    return re.match(f"{pattern}($|[.])", version) is not None


def is_edition(version: str | None, url: str) -> bool:
    """Is the url that of a version, or of the edition that it is a version of, as SNOMED CT has them?

    >>> is_edition("http://snomed.info/sct/11/version/2024", "http://snomed.info/sct/11")
    True
    """
    return version is not None and (version == url or version.startswith(f"{url}/version/"))


def is_wildcard(version: str) -> bool:
    return any(part in ("x", "X", "*") for part in version.split("."))


def best(documents: Sequence[Document], wanted: str | None) -> Document | None:
    """The best of the documents that fit, or None."""
    fitting = [document for document in documents if fits(document.get("version"), wanted)]
    return max(fitting, key=ranking(documents), default=None)


def known(documents: Sequence[Document]) -> list[str]:
    """The versions there are, in order."""
    return [d["version"] for d in sorted(documents, key=ranking(documents)) if d.get("version")]
