"""Files in ClaML, in the form in which the BfArM and the WHO publish them, with made-up classes and words."""

from __future__ import annotations

from collections.abc import Sequence

MARKS = {"aster": "*", "dagger": "†", "optional": "!"}


def document(
    *elements: str,
    name: str = "OPS",
    version: str | None = "2031",
    marks: Sequence[str] = ("aster", "dagger"),
    authority: str = "BfArM",
    language: str = "de",
    namespace: str = "",
    claml: str = "2.0.0",
) -> str:
    """A file with these modifiers and classes."""
    kinds = "".join(f'<UsageKind mark="{MARKS[mark]}" name="{mark}"/>' for mark in marks)
    stated = f'version="{version}"' if version else ""
    spaced = f' xmlns="{namespace}"' if namespace else ""
    return "\n".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<!DOCTYPE ClaML SYSTEM "ClaML.dtd">',
            f'<ClaML{spaced} version="{claml}">',
            '<Meta name="TopLevelSort" value="I II"/>',
            f'<Meta name="lang" value="{language}"/>',
            '<Meta name="copyright" value="Drachenamt 2031"/>',
            f'<Identifier authority="{authority}" uid="1.2.276.0.99.1"/>',
            f'<Title date="2030-09-13" name="{name}" {stated}>Klassifikation der Drachen</Title>',
            '<ClassKinds><ClassKind name="category"/><ClassKind name="chapter"/></ClassKinds>',
            f"<UsageKinds>{kinds}</UsageKinds>",
            '<RubricKinds><RubricKind inherited="false" name="preferred"/></RubricKinds>',
            *elements,
            "</ClaML>",
            "",
        )
    )


def class_(
    code: str, title: str, *inside: str, kind: str = "category", above: str = "", usage: str = ""
) -> str:
    """A class with a preferred title, and what else is in it."""
    marked = f' usage="{usage}"' if usage else ""
    parent = f'<SuperClass code="{above}"/>' if above else ""
    return f'<Class code="{code}" kind="{kind}"{marked}>{parent}{"".join(inside)}{rubric("preferred", title)}</Class>'


def option(modifier: str, code: str, title: str, *inside: str, within: str = "", usage: str = "") -> str:
    """A ModifierClass; ``within`` is the option that it is below."""
    marked = f' usage="{usage}"' if usage else ""
    return (
        f'<ModifierClass code="{code}" modifier="{modifier}"{marked}>{"".join(inside)}'
        f'<SuperClass code="{within or modifier}"/>{rubric("preferred", title)}</ModifierClass>'
    )


def rubric(kind: str, text: str, language: str = "de") -> str:
    """A rubric with one label."""
    return f'<Rubric kind="{kind}"><Label xml:lang="{language}" xml:space="default">{text}</Label></Rubric>'


def meta(name: str, value: str) -> str:
    """A Meta of a class or option."""
    return f'<Meta name="{name}" value="{value}"/>'


def reference(code: str, usage: str = "", target: str = "") -> str:
    """A reference in brackets, perhaps with a mark; ``target`` is the code where the text is another one."""
    marked = f' usage="{usage}"' if usage else ""
    named = f' code="{target}"' if target else ""
    return f'<Reference class="in brackets"{named}{marked}>{code}</Reference>'


GERMAN_DRAGONS = document(
    option("S01Q10_4", ".0", "mit Rauch", rubric("inclusion", "Qualm")),
    option("S01Q10_4", ".1", "mit Feuer", usage="dagger"),
    option(
        "S01Q10_5",
        "0",
        "gezähmt",
        meta("excludeOnPrecedingModifier", "S01Q10_4 .0"),
        meta("AgeLow", "j018"),
    ),
    option("S01Q10_5", "1", "wild"),
    class_("I", "Krankheiten der Drachen", rubric("inclusion", "alle Feuerspeier"), kind="chapter"),
    class_("Q00-Q19", "Husten", kind="block", above="I"),
    class_(
        "Q10",
        "Feuerhusten",
        '<ModifiedBy all="true" code="S01Q10_4"/>',
        '<ModifiedBy all="true" code="S01Q10_5"/>',
        above="Q00-Q19",
    ).replace("<ModifiedBy", meta("Para295", "V") + meta("Para301", "V") + "<ModifiedBy", 1),
    class_("Q11", "Ruß", above="Q00-Q19"),
    class_(
        "Q11.0",
        "schwarz" + reference("K77.0", "aster"),
        rubric("preferredLong", "Ruß: schwarz" + reference("K77.0", "aster")),
        rubric("preferred", "black", "en"),
        rubric("inclusion", "Teer<Fragment type='item'>klebrig</Fragment>"),
        rubric("definition", "<Para>Dunkel.</Para><Para>Sehr dunkel.</Para>"),
        rubric("exclusion", "Asche" + reference("Q12", target="Q12") + reference("Q13.-", "aster", "Q13")),
        rubric("modifierlink", "[siehe oben]"),
        rubric("text", 'FEV<Term class="subscript">1</Term>&#160;&lt;35'),
        above="Q11",
        usage="dagger",
    ).replace("<SuperClass", meta("Para301", "P") + meta("AgeLow", "9999") + "<SuperClass", 1),
    name="ICD-10",
    marks=("aster", "dagger", "optional"),
)
