"""Codes and code systems that a user may have meant: hints for one that is unknown.

People leave out dots and blanks, add leading zeros, write in another case, and put the version into the uri.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.model import split_canonical
from terminology.core.texts import bare
from terminology.systems.protocol import CodeSystem

# A longer text is hardly a mistyped code, and has too many places where a mark may be missing.
_LONGEST_CODE = 40
_LONGEST_WITH_MARK = 8
_MARKS = ".-"
_OPTIONAL_PARTS = re.compile(r"^(https?://)?(www\.)?|[/#]+$")


# Code systems whose codes take modifiers, without the scheme of their uris: https://terminology.hl7.org/CPT.html
_WITH_MODIFIERS = ("www.ama-assn.org/go/cpt", "www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets")
_MODIFIED = re.compile(r"^([A-Z0-9]{5})((?:[:,-][A-Z0-9]{2})+)$", re.IGNORECASE)


def base_code(system: str | None, code: str) -> tuple[str, str] | None:
    """The base code and the modifiers of a code of CPT or HCPCS; None for a code without modifiers.

    >>> base_code("http://www.ama-assn.org/go/cpt", "57520:51")
    ('57520', '51')
    """
    if system is None or system.partition("://")[2] not in _WITH_MODIFIERS:
        return None
    match = _MODIFIED.match(code)
    return (match[1], ", ".join(re.split("[:,-]", match[2][1:]))) if match else None


def code_hint(system: CodeSystem, code: str) -> str:
    """A question that names the codes with the same letters and digits; empty if there are none.

    Case, blanks, marks and leading zeros may differ.
    """
    if len(code) > _LONGEST_CODE or not bare(code):
        return ""
    concepts = (system.locate(text) for text in dict.fromkeys(_spellings(code)))
    similar = {concept.code for concept in concepts if concept and bare(concept.code) == bare(code)}
    return issues.did_you_mean(sorted(similar))


def _spellings(code: str) -> Iterator[str]:
    plain = "".join(c for c in code if c.isalnum())
    texts = [code.strip(), "".join(code.split()), plain, "-".join(re.split(r"[\W_]+", code.strip()))]
    if len(plain) <= _LONGEST_WITH_MARK and any(c.isdigit() for c in plain):
        texts += [plain[:i] + mark + plain[i:] for mark in _MARKS for i in range(1, len(plain))]
    for text in texts:
        for cased in (text, text.upper(), text.lower()):
            yield from (cased, cased.lstrip("0"))


def system_hint(catalogue: Catalogue, url: str) -> str:
    """A question that names the code systems with nearly the same uri; empty if there are none."""
    base, version = split_canonical(url)
    if version is not None and catalogue.find_system(base) is not None:
        return issues.version_in_the_system(catalogue.preferred(base), version)
    bare_url = _bare_url(base)
    similar = {info.url for info in catalogue.abouts() if _bare_url(info.url) == bare_url}
    return issues.did_you_mean(sorted(similar - {url}))


def _bare_url(url: str) -> str:
    return _OPTIONAL_PARTS.sub("", url.casefold())
