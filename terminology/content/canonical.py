"""The canonical URLs of this project's own resources: published ones, and imported maps that have no other.

There is one base: ``base`` in ``fhir_bundles/source/publication.toml``. The bundles are built under it,
and maps that are imported from bare tables (GEMs, reference sets of RF2), their properties and attributes get
their canonicals from it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from terminology.core.errors import PublicationError

# Beside the package, in a checkout and where a wheel is installed.
FOLDER = Path(__file__).parents[2] / "fhir_bundles"
FILE = "publication.toml"


@dataclass(slots=True, frozen=True)
class CanonicalNames:
    """The canonicals under one base. ``vocabulary`` is the id of the CodeSystem that defines our properties."""

    base: str
    vocabulary: str

    def resource(self, type_: str, id_: str) -> str:
        """The canonical of a resource.

        >>> CanonicalNames("http://example.org/fhir", "words").resource("ConceptMap", "gem")
        'http://example.org/fhir/ConceptMap/gem'
        """
        return f"{self.base}/{type_}/{id_}"

    def vocabulary_url(self) -> str:
        """The canonical of the vocabulary."""
        return self.resource("CodeSystem", self.vocabulary)

    def property(self, code: str) -> str:
        """The uri of a property, attribute or value of the vocabulary.

        >>> CanonicalNames("http://example.org/fhir", "words").property("gemFlags")
        'http://example.org/fhir/CodeSystem/words#gemFlags'
        """
        return f"{self.vocabulary_url()}#{code}"


def read_publication(source: Path) -> dict[str, Any]:
    """The content of publication.toml. Raises PublicationError where it is missing or not TOML."""
    try:
        return tomllib.loads((source / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PublicationError(str(source / FILE), None, "there is no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PublicationError(FILE, None, f"should be TOML in UTF-8: {error}") from None


def names_of(publication: dict[str, Any], base: str | None = None) -> CanonicalNames:
    """The names that publication.toml says; ``base`` replaces its base. Raises KeyError."""
    settings = publication["publication"]
    return CanonicalNames((base or settings["base"]).rstrip("/"), str(settings["vocabulary"]))


def published_names() -> CanonicalNames:
    """The names under which this project publishes. Raises PublicationError."""
    return _names_in(FOLDER / "source")


@cache
def bills_of_maps() -> dict[str, str]:
    """Whose bill has the codes of a map, by its id; maps for any bill are left out. Raises PublicationError."""
    maps = read_publication(FOLDER / "source").get("ConceptMap", ())
    return {str(entry["id"]): str(entry["bill"]) for entry in maps if "bill" in entry}


@cache
def _names_in(source: Path) -> CanonicalNames:
    try:
        return names_of(read_publication(source))
    except KeyError as missing:
        raise PublicationError(FILE, None, f"should state {missing}") from None
