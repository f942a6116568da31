"""The codes that the modifiers of ClaML make: fourth and fifth characters, and the further digits of OPS.

A class names its modifiers with ``ModifiedBy``, all options of them or those in ``ValidModifierClass``; a class below
inherits them, unless it has ``ExcludeModifier``. Only classes without others below them get codes. With several
modifiers the characters follow one another in the order of their positions, except where
``excludeOnPrecedingModifier`` of an option names what must not stand before it: of ICD-10-GM's diabetes ``.0`` is
followed by ``1`` alone. An option may be below another one of its modifier, as ``.00`` is below ``.0`` in OPS; it is
added as a whole.

The title is that of the class, a colon, and that of the option: so the owners write their long titles. What the option
says in ``Meta`` prevails over what the class says. The class of ICD-10-GM says that it is not for coding (``V`` in
``Para295`` and ``Para301``) where only its subdivisions are: at the last character that becomes what the usage says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from terminology.content.importers.claml.classes import ClamlConcept, ClamlOutline, ModifiedBy

# A category of ICD-10. WHO fills the fourth place with X where a category has a fifth character and no fourth.
_CATEGORY = re.compile(r"[A-Z][0-9]{2}")
_FIFTH, _FILLED = 5, ".X"
# ICD-10-GM: may the code be coded, and as what, by section 295 (outpatients) and 301 (hospitals).
_CODING = ("Para295", "Para301")
_NOT_CODED = "V"
_CODED_AS = {"aster": "O", "optional": "Z"}


class Modification:
    """Makes the codes of the classes of a file."""

    def __init__(self, outline: ClamlOutline) -> None:
        self._outline = outline
        named = {above for code, above in outline.named_below.items() if code in outline.codes}
        self._inner = outline.inner | named

    def faults(self) -> Iterator[str]:
        """The modifiers and options that classes name and the file does not have, as sentences."""
        for code, modifiers in self._outline.modified.items():
            for each in modifiers:
                options = self._outline.options.get(each.modifier)
                if options is None:
                    yield f"{code} is modified by {each.modifier}, which has no ModifierClass"
                    continue
                for missing in (option for option in each.valid or () if option not in options):
                    yield f"{code} is modified by {each.modifier}, which has no ModifierClass {missing}"

    def codes_of(self, concept: ClamlConcept) -> list[ClamlConcept]:
        """The codes below a class that its modifiers make, each after its parent."""
        if concept.code in self._inner:
            return []
        codes: list[ClamlConcept] = []
        last: list[tuple[ClamlConcept, frozenset[tuple[str, str]]]] = [(concept, frozenset())]
        for each in self._modifiers(concept.code):
            following = []
            for candidate, before in last:
                new = self._with_options(candidate, each, before)
                codes += new.values()
                inner = {parent for one in new.values() for parent in one.parents}
                leaves = [
                    (one, before | {(each.modifier, option)})
                    for option, one in new.items()
                    if one.code not in inner
                ]
                following += leaves or [(candidate, before)]
            last = following
        for one, _ in last:
            if one is not concept:
                _set_coding(one)
        return codes

    def _modifiers(self, code: str) -> list[ModifiedBy]:
        """The modifiers of a class, its own and those of the classes above it, by position."""
        modifiers: dict[str, ModifiedBy] = {}
        excluded: set[str] = set()
        above, visited = [code], set[str]()
        while above:
            one = above.pop(0)
            if one in visited:
                continue
            visited.add(one)
            excluded |= self._outline.excluded.get(one, set())
            for each in self._outline.modified.get(one, ()):
                if each.modifier not in excluded:
                    modifiers.setdefault(each.modifier, each)
            above += self._outline.parents(one)
        return sorted(modifiers.values(), key=lambda each: each.position)

    def _with_options(
        self, concept: ClamlConcept, modifier: ModifiedBy, before: frozenset[tuple[str, str]]
    ) -> dict[str, ClamlConcept]:
        """A code with each option of a modifier, by the option; those that the file has as classes are left out."""
        options = self._outline.options.get(modifier.modifier, {})
        valid = options if modifier.valid is None else [one for one in modifier.valid if one in options]
        by_option: dict[str, ClamlConcept] = {}
        for option in sorted(valid, key=len):
            chosen = options[option]
            code = _with_characters(concept.code, option, modifier.position)
            if code in self._outline.codes or chosen.not_after & before:
                continue
            by_option[option] = _modified(by_option.get(chosen.within or "", concept), chosen.added, code)
        return by_option


def _modified(concept: ClamlConcept, added: ClamlConcept, code: str) -> ClamlConcept:
    """A concept with what an option adds, under a code of its own."""
    titles = {
        language: f"{title}: {added.titles[language]}"
        for language, title in concept.titles.items()
        if language in added.titles
    }
    partners = [each for each in concept.properties if each[1] == "code"]
    return replace(
        added,
        code=code,
        kind=concept.kind,
        usage=added.usage or concept.usage,
        parents=(concept.code,),
        titles=titles or dict(concept.titles),
        properties=[*added.properties, *(each for each in partners if each not in added.properties)],
        metas=concept.metas | added.metas,
    )


def _with_characters(code: str, characters: str, position: int) -> str:
    """A code with further characters.

    >>> _with_characters("5-433.3", "0", 0), _with_characters("E10", ".2", 4), _with_characters("M45", "0", 5)
    ('5-433.30', 'E10.2', 'M45.X0')
    """
    if characters.startswith("."):
        return code + (characters[1:] if "." in code else characters)
    if _CATEGORY.fullmatch(code):
        return f"{code}{_FILLED if position == _FIFTH else '.'}{characters}"
    return code + characters


def _set_coding(concept: ClamlConcept) -> None:
    """Nothing is below the code: it may be coded, where its class says that only its subdivisions may."""
    for name in _CODING:
        if concept.metas.get(name) == _NOT_CODED:
            concept.metas[name] = _CODED_AS.get(concept.usage, "P")
