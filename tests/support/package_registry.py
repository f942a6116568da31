"""A registry of FHIR packages over real HTTP on this machine, as npm's protocol has it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from terminology.core.model import Document

# What answers a request in another way than a registry does.
Answer = Callable[[BaseHTTPRequestHandler], None]


def archive_of(name: str, version: str, *resources: Document, **manifest: Any) -> bytes:
    """The archive of a package."""
    files = {"package.json": {"name": name, "version": version, "fhirVersions": ["4.0.1"], **manifest}}
    files |= {
        f"{resource['resourceType']}-{number}.json": resource for number, resource in enumerate(resources)
    }
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        for path, document in files.items():
            content = json.dumps(document).encode()
            info = tarfile.TarInfo(f"package/{path}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return target.getvalue()


def dist_of(archive: bytes) -> Document:
    """The checksums that npm's registry gives."""
    sha512 = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    return {"shasum": hashlib.sha1(archive).hexdigest(), "integrity": f"sha512-{sha512}"}


@dataclass(slots=True)
class ServedRegistry:
    """A registry at an ``address``. ``requests`` are the paths and headers that it was asked with.

    ``answers`` are other answers by path; the address of an archive is ``/NAME/-/NAME-VERSION.tgz``.
    """

    address: str
    packages: dict[str, dict[str, bytes]] = field(default_factory=dict)
    tags: dict[str, Mapping[str, str]] = field(default_factory=dict)
    dists: dict[str, Document] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def publish(self, name: str, version: str, archive: bytes, **dist: Any) -> None:
        """Add a version of a package, and make it the latest. ``dist`` takes the place of what the archive gives."""
        self.packages.setdefault(name, {})[version] = archive
        self.tags[name] = {"latest": version}
        self.dists[f"{name}@{version}"] = {
            "tarball": f"{self.address}/{name}/-/{name}-{version}.tgz", **dist_of(archive), **dist
        }  # fmt: skip

    def description(self, name: str) -> bytes:
        """What the registry says of a package."""
        versions = {
            version: {"name": name, "version": version, "dist": self.dists[f"{name}@{version}"]}
            for version in self.packages[name]
        }
        return json.dumps(
            {"_id": name, "name": name, "dist-tags": self.tags[name], "versions": versions}
        ).encode()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        path = request.path.removeprefix("/registry")
        self.requests.append((path, dict(request.headers)))
        parts = path.strip("/").split("/")
        if path in self.answers:
            self.answers[path](request)
        elif parts[0] not in self.packages:
            send(request, 404, b'{"error": "Not Found"}')
        elif len(parts) == 1:
            send(request, 200, self.description(parts[0]))
        else:
            name, version = parts[0], parts[-1].removeprefix(f"{parts[0]}-").removesuffix(".tgz")
            send(request, 200, self.packages[name][version], "application/octet-stream")


def send(
    request: BaseHTTPRequestHandler, status: int, body: bytes, media: str = "application/json", **headers: str
) -> None:
    """A whole answer; a header ``Content_Length`` is that of another length."""
    request.send_response(status)
    fields = {"Content-Type": media, "Content-Length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in fields.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


@contextmanager
def package_registry() -> Iterator[ServedRegistry]:
    """A registry without packages, which listens until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802
            registry.answer(self)

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    registry = ServedRegistry(f"http://127.0.0.1:{server.server_port}/registry")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
