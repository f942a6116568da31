"""What a form of a page sends: fields, and a file."""

from __future__ import annotations

from dataclasses import dataclass, field

# The most bytes of a form with its file, and the most fields.
MOST_BYTES, MOST_FIELDS = 2_000_000, 20


@dataclass(slots=True)
class Upload:
    """The fields of a form by their names, and the file with its name; both empty where no file was chosen."""

    fields: dict[str, str] = field(default_factory=dict)
    name: str = ""
    content: bytes = b""
