"""The form of a page as a browser posts it, with a file: read whole, within bounds."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from terminology.core import issues
from terminology.core.errors import RefusedError
from terminology.http.bodies import body_of
from terminology.pages.upload import MOST_FIELDS, Upload

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# The media type of a form with a file.
UPLOAD = "multipart/form-data"


def upload_of(environ: WSGIEnvironment, largest: int) -> Upload:
    """The form and its first file. Its body has at most ``largest`` bytes.

    Raises RefusedError as ``body_of`` does, and 400 for a body that cannot be read as a form.
    """
    content = body_of(environ, largest)
    _, options = parse_options_header(environ.get("CONTENT_TYPE", ""))
    parser = FormDataParser(
        stream_factory=_in_memory,
        max_form_memory_size=largest,
        max_content_length=largest,
        max_form_parts=MOST_FIELDS,
        silent=False,
    )
    try:
        _, form, files = parser.parse(BytesIO(content), UPLOAD, len(content), options)
    except (ValueError, HTTPException):
        raise RefusedError(400, issues.form_unreadable()) from None
    return _first_file(form, files)


def _in_memory(
    total_content_length: int | None,
    content_type: str | None,
    filename: str | None,
    content_length: int | None = None,
) -> BytesIO:
    """The place of a file while a form is read: nothing of it is written to the disk."""
    return BytesIO()


def _first_file(form: MultiDict[str, str], files: MultiDict[str, FileStorage]) -> Upload:
    upload = Upload({name: form[name] for name in form})
    for file in files.values():
        if file.filename:
            return Upload(upload.fields, file.filename, file.stream.read())
    return upload
