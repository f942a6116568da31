"""Content of somebody who means harm, or had an accident: scripts, letters that turn the direction, endless texts."""

from __future__ import annotations

from terminology.core.model import Document
from tests.support.builders import concept, concept_map, value_set

SCRIPT = "<script>document.title = 'taken'; alert(1)</script>"
IMAGE = '"><img src=x onerror="alert(2)">'
ATTRIBUTE = "' autofocus onfocus='alert(3)"
ADDRESS = "javascript:alert(4)"
TEMPLATE = "{{ 7 * 7 }}{% raw %}"
TURNED = "\u202eesrever\u2066\u202d"
ENDLESS = "endless " * 12_500  # 100 kB
WIDE = "W" * 3_000
URL = f"http://hostile.example/{IMAGE}"
BELOW = 'a&b"c<d>'
ALL = (SCRIPT, IMAGE, ATTRIBUTE, ADDRESS, TEMPLATE, TURNED, WIDE)


def resources() -> list[Document]:
    """A code system, a value set, a map and a naming system, with such texts wherever there is room for a text."""
    header: Document = {
        "title": SCRIPT,
        "name": "Hostile",
        "publisher": IMAGE,
        "description": f"{SCRIPT}\n\n`{IMAGE}` {TURNED}",
        "copyright": ENDLESS,
        "version": ATTRIBUTE,
    }
    nodes = [
        concept(
            text,
            f"{text} {SCRIPT}",
            definition=f"{IMAGE} {TURNED}",
            designation=[
                {"language": "en", "use": {"code": "x", "display": IMAGE}, "value": f"{SCRIPT} {TURNED}"}
            ],
            property=[{"code": "note", "valueString": f"{IMAGE} {ENDLESS}"}],
        )
        for text in ALL
    ]
    nodes.append(concept("top", ENDLESS, concept(BELOW, IMAGE)))
    code_system: Document = {
        "resourceType": "CodeSystem",
        "id": "hostile",
        "url": URL,
        "status": "active",
        "content": "complete",
        "hierarchyMeaning": "is-a",
        "property": [{"code": "note", "type": "string", "description": SCRIPT, "uri": ADDRESS}],
        "concept": nodes,
        **header,
    }
    targets = [
        {
            "code": text,
            "display": IMAGE,
            "relationship": "equivalent",
            "comment": SCRIPT,
            "dependsOn": [{"attribute": IMAGE, "valueString": SCRIPT}],
        }
        for text in ALL
    ]
    elements = [{"code": text, "display": SCRIPT, "target": targets} for text in ALL]
    return [
        code_system,
        value_set(f"{URL}-set", {"system": URL}, id="hostile-set", **header),
        concept_map(f"{URL}-map", URL, URL, elements, id="hostile-map", **header),
        {
            "resourceType": "NamingSystem",
            "id": "hostile-name",
            "status": "active",
            "kind": "codesystem",
            "date": "2026-01-01",
            "uniqueId": [{"type": "uri", "value": URL, "preferred": True, "comment": SCRIPT}],
            "usage": IMAGE,
            **{name: header[name] for name in ("title", "name", "publisher", "description")},
        },
    ]
