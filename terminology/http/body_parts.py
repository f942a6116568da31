"""The parts of a body, counted before it is read.

Reading takes microseconds for each value, element or field, however small it is: ten megabytes of empty objects take
as many seconds. Counting their signs takes milliseconds.
"""

from __future__ import annotations

from terminology.core import issues
from terminology.core.errors import RefusedError
from terminology.http.media import JSON, XML
from terminology.wire.exchange import FORM

# The signs of parts, and how many of them a body may have. A code system of ten megabytes has some hundred thousand.
_BOUNDS = {
    JSON: [("JSON", b"{[,", 1_000_000)],
    XML: [("XML", b"<", 500_000)],
    FORM: [("a form", b"&", 10_000), ("a form", b"%", 500_000)],
}


def require_few_parts(content: bytes, media: str) -> None:
    """Raises RefusedError (413) for a body with more parts than any of use has."""
    for name, signs, most in _BOUNDS[media]:
        if len(content) > most and sum(map(content.count, signs)) > most:
            raise RefusedError(413, issues.too_many_parts(name, most))
