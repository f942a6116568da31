"""A file that is nearly a resource is read, or refused with a reason: loaded as well as imported."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from random import Random

import pytest

from terminology.content.packages import read_resources
from terminology.core.documents import LazyDocument
from terminology.core.errors import AdapterError
from tests.support.fuzzing import as_json, spoil
from tests.support.importing import opened, read
from tests.support.reporters import CollectingReporter
from tests.support.whole_resources import resources


def loaded(file: Path) -> None:
    for resource in read_resources([file]):
        if isinstance(resource, LazyDocument):
            resource.document()


def imported(file: Path) -> None:
    for release in opened("fhir", file):
        list(read(release, CollectingReporter()))


@pytest.mark.parametrize("read_file", [loaded, imported])
@pytest.mark.parametrize("release", ["r4", "r5"])
def test_a_file_that_is_nearly_a_resource_is_read_or_refused(
    read_file: Callable[[Path], None], release: str, tmp_path: Path
) -> None:
    file, refused = tmp_path / "resource.json", 0
    for number in range(200):
        random = Random(f"{release}/{number}")
        document = deepcopy(random.choice(resources(release)))
        spoil(random, document)
        file.write_bytes(as_json(document))
        try:
            read_file(file)
        except AdapterError as error:
            refused += 1
            assert str(error), number
    assert 0 < refused < 200


WRONG = b'[{"code": {}}, {"code": "b", "display": []}, {"code": "c", "property": ["x"]}, "x", {"code": "d"}]'


@pytest.mark.parametrize("head", [b"", b'"property": [{"code": "child", "type": "code"}], '])
def test_a_concept_of_wrong_types_is_reported_and_the_others_are_read(head: bytes, tmp_path: Path) -> None:
    file, reporter = tmp_path / "resource.json", CollectingReporter()
    start = b'{"resourceType": "CodeSystem", "url": "http://example.org/x", "content": "complete", '
    file.write_bytes(start + head + b'"concept": ' + WRONG + b"}")
    [release] = opened("fhir", file)
    rows = list(read(release, reporter))
    assert [getattr(row, "code", None) for row in rows] == ["d"]
    texts = [problem.text for problem in reporter.problems]
    assert [text.partition(": ")[0] for text in texts] == [
        "concept.code must be a string",
        "concept.display must be a string",
        "concept.property[0] must be an object",
        "concept must be an object",
    ]
