"""Cats: a code system with every kind of element, its older versions, a fragment, a supplement and aliases."""

from __future__ import annotations

from terminology.core.model import Document

URL = "http://example.org/CodeSystem/cats"
CATS: Document = {
    "resourceType": "CodeSystem",
    "id": "cats",
    "url": URL,
    "version": "2.0",
    "name": "Cats",
    "language": "en",
    "status": "active",
    "caseSensitive": False,
    "content": "complete",
    "property": [
        {"code": "legs", "type": "integer"},
        {"code": "mass", "type": "decimal"},
        {"code": "born", "type": "dateTime"},
        {"code": "kin", "type": "Coding"},
        {"code": "tame", "type": "boolean"},
        {"code": "likes", "type": "code"},
        {"code": "note", "type": "string"},
        {
            "code": "abstract",
            "uri": "http://hl7.org/fhir/concept-properties#notSelectable",
            "type": "boolean",
        },
        {"code": "status", "uri": "http://hl7.org/fhir/concept-properties#status", "type": "code"},
    ],
    "concept": [
        {
            "code": "cat",
            "display": "Cat",
            "definition": "Says miaow",
            "property": [{"code": "abstract", "valueBoolean": True}],
            "designation": [
                {"language": "de", "value": "Katze"},
                {"language": "de-AT", "use": {"code": "nickname"}, "value": "Katzerl"},
                {"language": "fr", "value": "Chat"},
            ],
            "concept": [
                {
                    "code": "tabby",
                    "display": "Tabby",
                    "property": [
                        {"code": "legs", "valueInteger": 4},
                        {"code": "mass", "valueDecimal": 4.5},
                        {"code": "born", "valueDateTime": "2020-01-01"},
                        {"code": "kin", "valueCoding": {"system": "urn:x", "code": "tiger"}},
                        {"code": "tame", "valueBoolean": True},
                        {"code": "likes", "valueCode": "wildcat"},
                        {"code": "note", "valueString": "purrs"},
                    ],
                },
                {
                    "code": "wildcat",
                    "display": "Wildcat",
                    "property": [{"code": "status", "valueCode": "retired"}],
                },
            ],
        }
    ],
}
OLDER = {**CATS, "id": "cats-1", "version": "1.10", "concept": [{"code": "cat", "display": "Old cat"}]}
OLDEST = {**CATS, "id": "cats-0", "version": "1.9", "concept": [{"code": "cat", "display": "Oldest cat"}]}
FRAGMENT = {
    **CATS,
    "id": "dogs",
    "url": "http://example.org/CodeSystem/dogs",
    "version": "1",
    "content": "fragment",
    "concept": [{"code": "dog", "display": "Dog"}],
}
SUPPLEMENT: Document = {
    "resourceType": "CodeSystem",
    "id": "cats-es",
    "url": "http://example.org/CodeSystem/cats-es",
    "version": "1",
    "status": "active",
    "content": "supplement",
    "supplements": URL,
    "property": [{"code": "lives", "type": "integer"}],
    "concept": [
        {
            "code": "cat",
            "designation": [{"language": "es", "value": "Gato"}],
            "property": [{"code": "lives", "valueInteger": 9}],
        }
    ],
}
ALIAS: Document = {
    "resourceType": "NamingSystem",
    "id": "cats",
    "name": "Cats",
    "status": "active",
    "kind": "codesystem",
    "uniqueId": [
        {"type": "uri", "value": URL, "preferred": True},
        {"type": "uri", "value": "http://example.org/old-name-of-cats"},
        {"type": "oid", "value": "1.2.3.4"},
    ],
}
