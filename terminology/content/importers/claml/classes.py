"""The classes of a file in ClaML, and what the file declares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from terminology.store.release import PropertyTuple

# Rubrics that become something else than a property.
TITLES = ("preferredLong", "preferred")
DEFINITION, INCLUSION = "definition", "inclusion"
# A rubric that only says where the modifiers are printed, and a Meta that is about the making of codes.
LINK, NOT_AFTER = "modifierlink", "excludeOnPrecedingModifier"
# The kinds of classes whose inclusions list the classes below them; those of a category name it.
HEADINGS = ("chapter", "block")

_POSITION = re.compile(r"_([0-9])$")
# The elements within a label that stand in a line of their own, or in a cell of their own.
_APART = {"Para", "Fragment", "ListItem", "Cell", "Caption", "Row"}
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(slots=True)
class ClamlConcept:
    """A class, a code that modifiers make, or what a modifier adds to a class.

    ``titles`` are by language. ``names`` are designations besides them: text, language and the kind of the rubric.
    """

    code: str
    kind: str = ""
    usage: str = ""
    parents: tuple[str, ...] = ()
    titles: dict[str, str] = field(default_factory=dict)
    names: list[tuple[str, str, str]] = field(default_factory=list)
    definition: str | None = None
    properties: list[PropertyTuple] = field(default_factory=list)
    metas: dict[str, str] = field(default_factory=dict)

    def display(self, language: str | None) -> str:
        """The title in a language, or else the first one."""
        return self.titles.get(language or "") or next(iter(self.titles.values()))


@dataclass(slots=True, frozen=True)
class ModifierOption:
    """A ModifierClass: a character, and what it adds to a class.

    ``within`` is the option of the same modifier that it is below. ``not_after`` are modifiers with an option after
    which it does not come.
    """

    added: ClamlConcept
    within: str | None
    not_after: frozenset[tuple[str, str]]


@dataclass(slots=True, frozen=True)
class ModifiedBy:
    """A modifier of a class. ``valid`` are the options that it may have, None for all; ``position`` is 0 if unknown."""

    modifier: str
    valid: tuple[str, ...] | None
    position: int


@dataclass(slots=True)
class ClamlOutline:
    """What a file declares, and the codes in it.

    * ``title`` has the attributes and the text of the title, ``uid`` and ``authority`` are those of the first
      identifier, ``metas`` those of the file; ``marks`` has the mark of each usage kind.
    * ``texts`` are the rubrics that become properties, ``meta_names`` the names of the Metas of classes.
    * ``inner`` are the codes that classes name as their parents; ``above`` are the parents that a class names, and
      ``named_below`` has the class that names another one below itself.
    * ``modified`` and ``excluded`` are what each class says of modifiers, ``options`` those of each modifier.
    """

    version: str = ""
    title: dict[str, str] = field(default_factory=dict)
    uid: str = ""
    authority: str = ""
    metas: dict[str, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)
    meta_names: dict[str, None] = field(default_factory=dict)
    codes: set[str] = field(default_factory=set)
    inner: set[str] = field(default_factory=set)
    above: dict[str, tuple[str, ...]] = field(default_factory=dict)
    modified: dict[str, list[ModifiedBy]] = field(default_factory=dict)
    excluded: dict[str, set[str]] = field(default_factory=dict)
    options: dict[str, dict[str, ModifierOption]] = field(default_factory=dict)
    named_below: dict[str, str] = field(default_factory=dict)

    @property
    def language(self) -> str | None:
        """The language of the file."""
        return self.metas.get("lang")

    def parents(self, code: str) -> tuple[str, ...]:
        """The parents of a class: those that it names, or else the one that names it."""
        parents = self.above.get(code, ())
        return parents or ((self.named_below[code],) if code in self.named_below else ())

    def add(self, element: Any) -> None:
        """Note what an element directly below the root declares."""
        name = local_name(element)
        if name == "Meta":
            self.metas.setdefault(element.get("name", ""), element.get("value", ""))
        elif name == "Identifier":
            self.uid = self.uid or element.get("uid", "")
            self.authority = self.authority or element.get("authority", "")
        elif name == "Title":
            self.title = {**element.attrib, "text": _words(element.itertext())}
        elif name == "UsageKinds":
            self.marks |= {kind.get("name", ""): kind.get("mark", "") for kind in element}
        elif name == "ModifierClass":
            self._note(element)
            options = self.options.setdefault(element.get("modifier", ""), {})
            options[element.get("code", "")] = self._option(element)
        elif name == "Class":
            self._note(element)
            self._add_class(element)

    def _note(self, element: Any) -> None:
        is_heading = element.get("kind") in HEADINGS
        for child in element:
            name = local_name(child)
            if name == "Meta" and child.get("name") != NOT_AFTER:
                self.meta_names.setdefault(child.get("name", ""))
            elif name == "Rubric" and _is_property(child.get("kind", ""), is_heading):
                self.texts.add(child.get("kind", ""))

    def _option(self, element: Any) -> ModifierOption:
        above = next((e.get("code") for e in element if local_name(e) == "SuperClass"), None)
        pairs = (
            tuple(e.get("value", "").split())
            for e in element
            if local_name(e) == "Meta" and e.get("name") == NOT_AFTER
        )
        return ModifierOption(
            added=concept_of(self, element),
            within=above if above != element.get("modifier") else None,
            not_after=frozenset((pair[0], pair[1]) for pair in pairs if len(pair) == 2),
        )

    def _add_class(self, element: Any) -> None:
        code = element.get("code", "").strip()
        parents = []
        self.codes.add(code)
        for child in element:
            name, other = local_name(child), child.get("code", "")
            if name == "SuperClass":
                parents.append(other)
                self.inner.add(other)
            elif name == "SubClass":
                self.named_below.setdefault(other, code)
            elif name == "ModifiedBy":
                self.modified.setdefault(code, []).append(_modified_by(child))
            elif name == "ExcludeModifier":
                self.excluded.setdefault(code, set()).add(other)
        self.above[code] = tuple(parents)


def local_name(element: Any) -> str:
    """The name of an element without its namespace: the WHO has one, others do not."""
    return str(element.tag).rpartition("}")[2]


def concept_of(outline: ClamlOutline, element: Any) -> ClamlConcept:
    """The concept of a Class; or what a ModifierClass adds, which has no parents."""
    kind = element.get("kind", "")
    code = element.get("code", "").strip()
    concept = ClamlConcept(code, kind, element.get("usage", ""))
    if local_name(element) == "Class":
        concept.parents = outline.parents(code)
    titles: dict[str, dict[str, str]] = {}
    definitions = []
    for child in element:
        name = local_name(child)
        if name == "Meta" and child.get("name") != NOT_AFTER:
            concept.metas[child.get("name", "")] = child.get("value", "")
        if name != "Rubric":
            continue
        rubric = child.get("kind", "")
        for label in (each for each in child if local_name(each) == "Label"):
            language = label.get(_LANGUAGE) or outline.language or ""
            is_name = rubric in TITLES or (rubric == INCLUSION and kind not in HEADINGS)
            text = text_of_label(label, outline.marks, is_name)
            if is_name:
                partners = dict.fromkeys(_partners(label, outline.marks))
                concept.properties += [each for each in partners if each not in concept.properties]
            if not text:
                continue
            if rubric in TITLES:
                titles.setdefault(language, {}).setdefault(rubric, text)
            elif is_name:
                concept.names.append((text, language, rubric))
            elif rubric == DEFINITION:
                definitions.append(text)
            elif rubric != LINK and language == (outline.language or language):
                concept.properties.append((rubric, "string", text))
    concept.definition = " ".join(definitions) or None
    _set_titles(concept, titles)
    return concept


def _set_titles(concept: ClamlConcept, titles: dict[str, dict[str, str]]) -> None:
    """The long title of each language is its title; the other one is a name, if it says something else."""
    for language, by_rubric in titles.items():
        texts = [by_rubric[rubric] for rubric in TITLES if rubric in by_rubric]
        concept.titles[language] = texts[0]
        concept.names[:0] = [(text, language, "preferred") for text in texts[1:] if text != texts[0]]


def _is_property(rubric: str, is_heading: bool) -> bool:
    if rubric == INCLUSION:
        return is_heading
    return rubric not in (*TITLES, DEFINITION, LINK)


def _partners(label: Any, marks: dict[str, str]) -> Iterator[PropertyTuple]:
    """The codes that dual coding puts beside the concept, each as a property under the name of its usage."""
    for element in label.iter():
        usage = element.get("usage")
        if local_name(element) == "Reference" and usage in marks:
            code = element.get("code") or _words(element.itertext()).rstrip("".join(marks.values()))
            yield usage, "code", code


def _modified_by(element: Any) -> ModifiedBy:
    code = element.get("code", "")
    valid = tuple(e.get("code", "") for e in element if local_name(e) == "ValidModifierClass")
    named = _POSITION.search(code)
    position = element.get("position") or (named[1] if named else "")
    return ModifiedBy(
        code,
        valid if valid or element.get("all") == "false" else None,
        int(position) if position.isdecimal() else 0,
    )


# -- texts ---------------------------------------------------------------------------------------


def text_of_label(label: Any, marks: dict[str, str], is_name: bool = False) -> str:
    """The words of a label with single blanks.

    A reference is in brackets and has its mark where the label says so, as in print. In a name, those of dual coding
    are left out: they do not belong to it.
    """
    return _words(_pieces(label, marks, is_name))


def _pieces(element: Any, marks: dict[str, str], is_name: bool) -> Iterator[str]:
    name = local_name(element)
    if name == "Reference":
        usage = element.get("usage")
        if not (is_name and usage):
            yield _reference(element, marks.get(usage or "", ""))
        return
    apart = " " if name in _APART or element.get("class") == "tab" else ""
    yield apart + (element.text or "")
    for child in element:
        yield from _pieces(child, marks, is_name)
        yield child.tail or ""
    yield apart


def _reference(element: Any, mark: str) -> str:
    text = _words(element.itertext())
    if mark and mark not in text:
        text += mark
    return f" ({text})" if element.get("class") == "in brackets" else text


def _words(pieces: Any) -> str:
    return " ".join("".join(pieces).split())
