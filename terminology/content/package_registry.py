"""FHIR packages from a registry of packages, by npm's protocol (``terminology load NAME@VERSION``).

``[registry]/NAME`` describes a package: its versions, each with the address of its archive and a checksum, and which of
them is the latest. packages.fhir.org, packages2.fhir.org/packages and npm's own registry answer so.

https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from terminology.content.packages import MANIFEST, manifest_content
from terminology.core.errors import TerminologyError, UnreadableFileError
from terminology.core.issues.phrases import shortened
from terminology.core.software import VERSION
from terminology.core.texts import escaped
from terminology.core.versions import semver
from terminology.wire import json

# A name such as hl7.terminology.r4, alone or with a version or a tag after "@", as npm has it, or "#", as FHIR has it.
_PACKAGE = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9_-]*(?:\.[a-z0-9_-]+)+)(?:[@#](?P<version>[A-Za-z0-9.+_-]{1,100}))?"
)
_VERSION = re.compile(r"[A-Za-z0-9.+_-]{1,100}")
_FILES = (".json", ".tgz", ".gz", ".zip", ".xml", ".csv", ".txt", ".tar")
# The most bytes of an archive and of a description, and the seconds that one may take.
MOST_OF_ARCHIVE, MOST_OF_DESCRIPTION = 1 << 30, 1 << 26
LONGEST = 3_600
_TIMES = (10, 30)  # seconds to connect, and between two pieces
_MOST_REDIRECTS = 5
_NEAREST = 4
_LONGEST_URL = 2_000
_PIECE = 1 << 18
# Stronger ones first. The first three are those of Subresource Integrity, which npm writes.
_ALGORITHMS = ("sha512", "sha384", "sha256", "sha1")

OnProgress = Callable[[int, int], None]


class PackageName(NamedTuple):
    """What to load; ``version`` is a version, a tag such as ``latest``, or None for the latest."""

    name: str
    version: str | None


@dataclass(slots=True, frozen=True)
class PublishedPackage:
    """A version of a package in a registry. ``checksums`` are digests by their algorithms."""

    name: str
    version: str
    archive: str
    checksums: Mapping[str, bytes]


def package_named(text: str) -> PackageName | None:
    """The package that a text names; None for what looks like a file.

    >>> package_named("hl7.terminology.r4@7.0.1")
    PackageName(name='hl7.terminology.r4', version='7.0.1')
    >>> package_named("my-maps"), package_named("sizes.json"), package_named("maps/hl7.terminology")
    (None, None, None)
    """
    match = _PACKAGE.fullmatch(text)
    if match is None or (match["version"] is None and text.endswith(_FILES)):
        return None
    return PackageName(match["name"], match["version"])


class PackageRegistry:
    """A registry, by its address, which may have a user and a password."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host = parts.netloc.rpartition("@")[2]
        self._scheme = parts.scheme
        self.address = f"{parts.scheme}://{self._host}{parts.path}".rstrip("/")
        self._login = (
            None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
        )
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"fhir-terminology-adapter/{VERSION}"
        retries = Retry(
            2, status_forcelist=(429, 502, 503, 504), backoff_factor=0.3, respect_retry_after_header=False,
            raise_on_status=False,
        )  # fmt: skip
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retries))

    def find(self, package: PackageName) -> PublishedPackage:
        """The version of a package that a name means. Raises UnreadableFileError: unknown, or the registry is away."""
        with self._answer(f"{self.address}/{package.name}", "application/json") as answer:
            if answer.status_code == 404:
                raise UnreadableFileError(f"{self.address} has no package '{package.name}'")
            content = b"".join(self._pieces(answer, MOST_OF_DESCRIPTION, is_packed=True))
        try:
            description = json.read_resource(content)
            versions, tags = description["versions"], description.get("dist-tags") or {}
            # Any other version could be a path, or write to the terminal.
            known = {each for each in versions if _VERSION.fullmatch(each)}
            version = _version_of(package, known, tags, self.address)
            return self._published(package.name, version, versions[version])
        except UnreadableFileError:
            raise
        except (TerminologyError, KeyError, TypeError, AttributeError, ValueError):
            raise UnreadableFileError(
                f"{self.address} does not describe '{package.name}' as a registry of packages does: is it one?"
            ) from None

    def fetch(self, package: PublishedPackage, target: Path, on_progress: OnProgress) -> None:
        """Write the archive of a package to a file.

        ``on_progress`` gets the bytes so far, and those in all if they are known, or else 0. Raises
        UnreadableFileError, also where a checksum or the name in the archive is another one.
        """
        label = f"{package.name}@{package.version}"
        digests = {name: hashlib.new(name) for name in package.checksums}
        done = 0
        with (
            self._answer(package.archive, "application/octet-stream, */*") as answer,
            target.open("wb") as file,
        ):
            if answer.status_code != 200:
                raise UnreadableFileError(f"{package.archive} answered with the status {answer.status_code}")
            size = answer.headers.get("Content-Length", "")
            total = int(size) if size.isdecimal() and len(size) < 16 else 0
            for piece in self._pieces(answer, MOST_OF_ARCHIVE, is_packed=False):
                file.write(piece)
                for digest in digests.values():
                    digest.update(piece)
                done += len(piece)
                on_progress(done, total)
        for name, expected in package.checksums.items():
            if not hmac.compare_digest(digests[name].digest(), expected):
                raise UnreadableFileError(
                    f"{label}: the archive has another checksum ({name}) than the registry says: it was damaged or "
                    "changed on its way"
                )
        manifest = _manifest(target, label)
        own = manifest.get("name"), manifest.get("version")
        if own != (package.name, package.version):
            raise UnreadableFileError(
                f"{label}: the archive is of another package: its {MANIFEST} says {_brief(f'{own[0]}@{own[1]}')}"
            )

    def _published(self, name: str, version: str, node: Any) -> PublishedPackage:
        dist = node.get("dist") or {}
        archive = _joined(f"{self.address}/", dist.get("tarball") or f"{name}/{version}")
        parts = urlsplit(archive)
        if self._scheme == "https" and parts.scheme == "http" and parts.netloc == self._host:
            archive = archive.replace(
                "http://", "https://", 1
            )  # a registry behind a proxy may not know better
        return PublishedPackage(name, version, archive, _checksums(dist))

    @contextmanager
    def _answer(self, url: str, accepted: str) -> Iterator[requests.Response]:
        """The answer at a URL, its body unread. Raises UnreadableFileError; a status below 500 is not looked at."""
        headers = {"Accept": accepted, "Accept-Encoding": "gzip" if "json" in accepted else "identity"}
        try:
            for _ in range(_MOST_REDIRECTS + 1):
                self._require_safe(url)
                login = self._login if urlsplit(url)[:2] == (self._scheme, self._host) else None
                answer = self._session.get(
                    url, headers=headers, auth=login, timeout=_TIMES, stream=True, allow_redirects=False
                )
                with answer:
                    if answer.is_redirect:
                        url = _joined(url, answer.headers["Location"])
                        continue
                    if answer.status_code in (401, 403):
                        raise UnreadableFileError(
                            f"{url} demands a login: the status is {answer.status_code}"
                        )
                    if answer.status_code not in (200, 404):
                        raise UnreadableFileError(f"{url} answered with the status {answer.status_code}")
                    yield answer
                    return
            raise UnreadableFileError(f"{url}: there are more than {_MOST_REDIRECTS} redirects")
        except UnreadableFileError:
            raise
        except requests.exceptions.SSLError:
            raise UnreadableFileError(f"{url}: the certificate of the registry is not accepted") from None
        except requests.Timeout:
            raise UnreadableFileError(f"{url}: there was no answer in time") from None
        except (requests.RequestException, HTTPError):
            raise UnreadableFileError(f"{url} cannot be reached, or the connection broke off") from None
        except ValueError:  # ``requests`` reads the address of a redirect, too
            raise UnreadableFileError(f"{url}: the registry leads to a malformed address") from None

    def _require_safe(self, url: str) -> None:
        scheme = urlsplit(url).scheme
        if scheme not in ("http", "https") or (scheme == "http" and self._scheme == "https"):
            raise UnreadableFileError(
                f"{_brief(url)}: the registry leads from {self._scheme} to there, which is not followed"
            )

    def _pieces(self, answer: requests.Response, most: int, is_packed: bool) -> Iterator[bytes]:
        """The body as it comes. An archive is left as it is, also where the registry calls it an encoded one."""
        end, done = monotonic() + LONGEST, 0
        while piece := answer.raw.read1(_PIECE, decode_content=is_packed):
            done += len(piece)
            if done > most:
                raise UnreadableFileError(
                    f"{answer.url} has more than {most:,} bytes, the most that is fetched"
                )
            if monotonic() > end:
                raise UnreadableFileError(f"{answer.url}: it did not end within {LONGEST:,} seconds")
            yield piece
        size = answer.headers.get("Content-Length", "")
        if not is_packed and size.isdecimal() and done != int(size):
            raise UnreadableFileError(f"{answer.url}: the connection broke off")


def _joined(base: str, reference: str) -> str:
    """A URL of the registry, which it may name relative to its own. Raises UnreadableFileError."""
    try:
        url = urljoin(base, reference)
        urlsplit(url)
    except ValueError:
        raise UnreadableFileError(f"the registry names a malformed address: {_brief(reference)}") from None
    if not url.isascii() or not url.isprintable() or len(url) > _LONGEST_URL:
        raise UnreadableFileError(f"the registry names a malformed address: {_brief(url)}")
    return url


def _brief(text: str) -> str:
    """A text of the registry as a message may have it: short, and without what a terminal would obey."""
    return escaped(shortened(text))


def _version_of(package: PackageName, versions: Set[str], tags: Mapping[str, Any], address: str) -> str:
    """The version that a name means: itself, that of a tag, or the latest."""
    name, version = package
    ordered = sorted(versions, key=semver)
    tagged = tags.get(version or "latest")
    if version is not None and version in versions:
        return version
    if tagged in versions:
        return str(tagged)
    if not ordered:
        raise UnreadableFileError(f"{address} has no version of '{name}'")
    if version is None:
        return ordered[-1]
    place = bisect_left(ordered, semver(version), key=semver) - _NEAREST // 2
    place = max(0, min(place, len(ordered) - _NEAREST))
    raise UnreadableFileError(
        f"{address} has no version '{version}' of '{name}'. The nearest are "
        f"{', '.join(ordered[place : place + _NEAREST])}; the latest is {_latest(ordered, tags)}"
    )


def _latest(ordered: Sequence[str], tags: Mapping[str, Any]) -> str:
    tagged = tags.get("latest")
    return str(tagged) if tagged in ordered else ordered[-1]


def _checksums(dist: Mapping[str, Any]) -> dict[str, bytes]:
    """The strongest digest of ``integrity``, and that of ``shasum``. Raises ValueError for one that is none."""
    sums = dict[str, bytes]()
    for text in str(dist.get("integrity") or "").split():
        name, _, value = text.partition("-")
        if name in _ALGORITHMS:
            try:
                sums[name] = base64.b64decode(value.partition("?")[0], validate=True)
            except binascii.Error:
                raise ValueError from None
    strongest = {name: sums[name] for name in _ALGORITHMS if name in sums}
    result = dict(list(strongest.items())[:1])
    if dist.get("shasum"):
        result["sha1"] = bytes.fromhex(dist["shasum"])
    return result


def _manifest(archive: Path, label: str) -> Mapping[str, Any]:
    try:
        return json.read_resource(manifest_content(archive))
    except (TerminologyError, UnreadableFileError) as error:
        raise UnreadableFileError(f"{label}: {str(error).removeprefix(f'{archive}: ')}") from None
