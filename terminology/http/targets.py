"""Which interaction and which release a request is about, for the access log and the metrics."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote_plus

from terminology.core.cache import RecentValues
from terminology.wire import json
from terminology.wire.fhir_versions import RELEASES
from terminology.wire.interactions import OTHER, interaction_of

# The key of the release in the WSGI environment, where the path does not tell it.
RELEASE = "terminology.release"
ROOT = "/fhir"
# The pages for load balancers, and the name of a request for one of them.
HEALTH, READINESS = "/healthz", "/readyz"
PROBE = "probe"
# So many targets are remembered at least. Clients ask a few dozens again and again.
_ROOM = 1_000
_LONGEST_PATH = 300
_OF_A_PATH = "!$&'()*+,/:;=@~"
# Parameters in which some clients send credentials, although this service reads none of them.
_CREDENTIALS = frozenset({"access_token", "api_key", "apikey", "client_secret", "id_token", "password"})


@dataclass(slots=True)
class RequestTarget:
    """``interaction`` and the name of the ``release``, empty if the path has none; ``text`` and ``json`` for a line.

    ``path`` is cut, and its unusual characters are escaped.
    """

    interaction: str
    release: str
    path: str
    text: str
    json: str


def without_credentials(query: str) -> str:
    """The query of a URL as it may be written down.

    >>> without_credentials("code=57520&access_token=eyJhbGciOi")
    'code=57520'
    """
    steps = query.split("&")
    rest = [step for step in steps if unquote_plus(step.partition("=")[0]).casefold() not in _CREDENTIALS]
    return query if len(rest) == len(steps) else "&".join(rest)


_targets: RecentValues[RequestTarget] = RecentValues(_ROOM, lambda key, target: 3 * len(key[1]) + 500)


def target_of(method: str, path: str) -> RequestTarget:
    """The target of a request; the path is that of the WSGI environment."""
    target = _targets.find((method, path))
    if target is None:
        target = _target(method, path)
        _targets.put((method, path), target)
    return target


def _target(method: str, path: str) -> RequestTarget:
    interaction, release = OTHER, ""
    if path == ROOT or path.startswith(f"{ROOT}/"):
        first, _, rest = path[len(ROOT) :].strip("/").partition("/")
        if first.lower() in RELEASES:
            release = RELEASES[first.lower()].name
        else:
            rest = path[len(ROOT) :]
        interaction = interaction_of(method, rest)
    elif path in (HEALTH, READINESS):
        interaction = PROBE
    # PEP 3333: each character of the path stands for a byte.
    shown_path = quote(path.encode("latin-1", "replace")[:_LONGEST_PATH], safe=_OF_A_PATH)
    shown_method = quote(method[:20], safe="")
    fields = {"method": shown_method, "path": shown_path, "operation": interaction}
    return RequestTarget(
        interaction,
        release,
        shown_path,
        f"{shown_method} {shown_path} operation={interaction}",
        json.write(fields).decode()[1:-1],
    )
