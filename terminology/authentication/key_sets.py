"""The public keys of an issuer: a JWK Set (RFC 7517) in a file, or at a URL.

Keys at a URL are fetched by a thread of their own, so that no request waits for long: the first one up to ``PATIENCE``
seconds, and one whose token names an unknown key, as happens when an issuer has new keys. While the issuer is away, the
keys that it had are used.
"""

from __future__ import annotations

import json
import logging
import ssl
import time
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any
from urllib.error import URLError

from terminology.core.errors import UnavailableError
from terminology.core.file_versions import FileVersion, version_of_file

# Seconds that a request waits for keys, and that one attempt to fetch them may take.
PATIENCE = 3
# Seconds after which keys are fetched again: because they are old, or because a token names an unknown one.
OLD = 600
AGAIN = 30
# The most bytes of a set.
LARGEST = 1_000_000

log = logging.getLogger("terminology")

Jwk = Mapping[str, Any]


class FileKeys:
    """The keys in a file, which is read again when it has changed. For use by several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version: FileVersion | None = None
        self._keys: Sequence[Jwk] = ()

    def keys(self, kid: str | None) -> Sequence[Jwk]:
        """The keys. Raises UnavailableError."""
        try:
            version = version_of_file(self._path)
            if version is None or version != self._version:
                self._keys, self._version = keys_in(self._path.read_bytes()), version
        except OSError as problem:
            raise UnavailableError(f"{self._path} cannot be read: {problem.strerror}") from None
        return self._keys


class RemoteKeys:
    """The keys at a URL. For use by several threads; ``authorities`` is a file that its certificate is checked by."""

    def __init__(self, url: str, authorities: Path | None = None) -> None:
        self._url, self._authorities = url, authorities
        self._keys: Sequence[Jwk] | None = None
        self._problem = ""
        self._attempt_at = -float("inf")  # when the last attempt began (``monotonic``)
        self._end: Event | None = None  # of the attempt that goes on
        self._lock = Lock()

    def keys(self, kid: str | None) -> Sequence[Jwk]:
        """The keys, with the one that a token names if it is there. Raises UnavailableError."""
        keys = self._keys
        is_unknown = keys is None or (kid is not None and all(key.get("kid") != kid for key in keys))
        age = time.monotonic() - self._attempt_at
        if age > OLD or (is_unknown and (age > AGAIN or keys is None)):
            end = self._begin(age)
            if is_unknown and end is not None:
                end.wait(PATIENCE)
        if self._keys is None:
            raise UnavailableError(self._problem or "it does not answer")
        return self._keys

    def _begin(self, age: float) -> Event | None:
        """Begin an attempt, unless one goes on or has just failed; the event of its end, if there is one."""
        with self._lock:
            if self._end is not None:
                return self._end
            if age < PATIENCE:
                return None
            end = self._end = Event()
            self._attempt_at = time.monotonic()
        Thread(target=self._fetch, args=(end,), daemon=True).start()
        return end

    def _fetch(self, end: Event) -> None:
        try:
            self._keys = keys_in(self._content())
        except Exception as problem:  # whatever it is, the next attempt has to be possible
            is_http = isinstance(problem, HTTPException)
            reason = problem.reason if isinstance(problem, URLError) else problem
            self._problem = "its answer is not one of HTTP" if is_http else str(reason)
            log.warning("the keys at %s cannot be fetched: %s", self._url, self._problem)
        finally:
            with self._lock:
                self._end = None
            end.set()

    def _content(self) -> bytes:
        """The answer; redirects are refused, and a slow or large answer is given up."""
        context = ssl.create_default_context(cafile=self._authorities)
        opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(context=context),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
        ):
            opener.add_handler(handler)
        request = urllib.request.Request(self._url, headers={"Accept": "application/json"})
        until = time.monotonic() + 2 * PATIENCE
        content = b""
        with opener.open(request, timeout=PATIENCE) as response:
            while piece := response.read1(65_536):
                content += piece
                if len(content) > LARGEST or time.monotonic() > until:
                    raise UnavailableError("its answer is too large, or too slow")
        return content


def keys_in(content: bytes) -> Sequence[Jwk]:
    """The keys of a set that signatures can be checked by. Raises UnavailableError."""
    try:
        document = json.loads(content)
        keys = [key for key in document["keys"] if key.get("use", "sig") == "sig" and key["kty"] != "oct"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UnavailableError("it is not a JWK Set") from None
    if not keys:
        raise UnavailableError("it has no public key for signatures")
    if any("d" in key for key in keys):
        raise UnavailableError("it has a private key, which nobody but the issuer may have")
    return keys
