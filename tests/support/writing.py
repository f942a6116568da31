"""A client that may write, and services that take what it writes."""

from __future__ import annotations

from typing import Any

from terminology import Settings, create_app
from terminology.core.users import User, rights_of
from terminology.http.authentication import USER

WRITER = User("anna", rights_of(["system/*.cruds"]))


class Client:
    """Requests to one service by one user; ``release`` is that of the root."""

    def __init__(self, place: str, user: User = WRITER, release: str = "r4", **settings: Any) -> None:
        self.settings = Settings(
            environment={}, store=place, **{"bundled": False, "writes": True, "data": "", **settings}
        )
        self.app = create_app(self.settings)
        self.client = self.app.test_client()
        self.user, self.release = user, release

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The response. An underscore in the name of a header is a hyphen; a release may stand before the path."""
        root = self.release if path[:2] not in ("r4", "r5") else ""
        address = "/fhir/" + "/".join(step for step in (root, path) if step)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(
            address, method=method, json=body, headers=names, environ_overrides={USER: self.user}
        )


def bundle(*entries: tuple[str, str, Any], type: str = "transaction", **urls: str) -> dict[str, Any]:
    """A bundle of (method, url, resource); ``urls`` are the ``fullUrl`` of entries, as ``_0="urn:uuid:..."``."""
    nodes = []
    for number, (method, url, resource) in enumerate(entries):
        node: dict[str, Any] = {"request": {"method": method, "url": url}}
        if resource is not None:
            node["resource"] = resource
        if f"_{number}" in urls:
            node["fullUrl"] = urls[f"_{number}"]
        nodes.append(node)
    return {"resourceType": "Bundle", "type": type, "entry": nodes}


def text_of(response: Any) -> str:
    """The text of the first issue."""
    return response.json["issue"][0]["details"]["text"]


def expressions(response: Any) -> list[str]:
    """The FHIRPath of each issue."""
    return [at for issue in response.json["issue"] for at in issue.get("expression", ())]
