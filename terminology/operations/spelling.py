"""What may somebody have meant who writes a code or a code system a little otherwise?

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

# Longer ones are no codes that somebody mistyped, and where a mark may be missing they have too many places.
_LONGEST_CODE = 40
_LONGEST_MARKED = 8
_MARKS = ".-"
_NOT_SAID = re.compile(r"^(https?://)?(www\.)?|[/#]+$")


def code_hint(system: CodeSystem, code: str) -> str:
    """The codes that this one is but for case, blanks, marks and leading zeros; empty if there is none."""
    if len(code) > _LONGEST_CODE or not bare(code):
        return ""
    located = (system.locate(text) for text in dict.fromkeys(_spellings(code)))
    found = {concept.code for concept in located if concept is not None and bare(concept.code) == bare(code)}
    return issues.did_you_mean(sorted(found))


def _spellings(code: str) -> Iterator[str]:
    plain = "".join(c for c in code if c.isalnum())
    texts = [code.strip(), "".join(code.split()), plain, "-".join(re.split(r"[\W_]+", code.strip()))]
    if len(plain) <= _LONGEST_MARKED and any(c.isdigit() for c in plain):
        texts += [plain[:i] + mark + plain[i:] for mark in _MARKS for i in range(1, len(plain))]
    for text in texts:
        for cased in (text, text.upper(), text.lower()):
            yield from (cased, cased.lstrip("0"))


def system_hint(catalogue: Catalogue, url: str) -> str:
    """The code systems here that a uri may have meant; empty if there is none."""
    base, version = split_canonical(url)
    if version is not None and catalogue.find_system(base) is not None:
        return issues.version_apart(catalogue.preferred(base), version)
    wanted = _bare_url(base)
    found = {about.url for about in catalogue.abouts() if _bare_url(about.url) == wanted}
    return issues.did_you_mean(sorted(found - {url}))


def _bare_url(url: str) -> str:
    return _NOT_SAID.sub("", url.casefold())
