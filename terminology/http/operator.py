"""The operator: who may see the state of the service.

With the setting ``auth`` that is a user with every right to every type, as only those have who may change everything.
Without it nobody is asked who they are: then it is somebody at this machine, if the service listens on this machine
alone and no proxy stands between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from terminology.catalogue.protocol import KINDS
from terminology.core import issues
from terminology.core.errors import RefusedError
from terminology.core.users import INTERACTIONS
from terminology.http.addresses import is_of_this_machine
from terminology.settings import Settings
from terminology.wire.exchange import Context, Request
from terminology.wire.permission import require_right

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# The headers by which a proxy shows, even one that the settings do not know of.
_OF_PROXIES = ("HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP")
_X_FORWARDED = "HTTP_X_FORWARDED_"


def require_operator(
    environ: WSGIEnvironment, settings: Settings, context: Context, request: Request
) -> None:
    """Raises RefusedError (401 or 403) for anybody else."""
    if context.login is not None:
        for kind in KINDS:
            for interaction in INTERACTIONS:
                require_right(context, request, interaction, kind)
    elif not _is_at_this_machine(environ, settings):
        raise RefusedError(403, issues.state_is_for_operator())


def _is_at_this_machine(environ: WSGIEnvironment, settings: Settings) -> bool:
    """Does somebody ask from this machine, of a service that is for this machine alone?"""
    if not settings.hosts or not all(map(is_of_this_machine, settings.hosts)):
        return False
    if settings.proxies or settings.base_url:
        return False
    if any(name in _OF_PROXIES or name.startswith(_X_FORWARDED) for name in environ):
        return False
    return is_of_this_machine(environ.get("REMOTE_ADDR", ""))
