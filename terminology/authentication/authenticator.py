"""The user to whom credentials belong, by the file of the setting ``auth``."""

from __future__ import annotations

import logging
import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from threading import Lock

from terminology.authentication.api_keys import entry_of
from terminology.authentication.configuration import AuthFile, KeyEntry, read_auth
from terminology.core import issues
from terminology.core.cache import RecentValues, size_of
from terminology.core.errors import SettingError, TerminologyError
from terminology.core.file_versions import version_of_file
from terminology.core.model import Issue
from terminology.core.software import installation_of
from terminology.core.users import User, licence_rights, rights_of

# How many credentials are remembered at least; at most twice as many.
ROOM = 2_000
# Seconds between two looks at the file.
INTERVAL = 1
# The most characters of a token.
LONGEST = 16_384
_NOTHING: frozenset[str] = frozenset()
_FOREVER = float("inf")

log = logging.getLogger("terminology")


class Authenticator:
    """The users of a file, which is read again when it changes. For use by several threads.

    Credentials that count are remembered until they expire, so that a signature is checked once. They are the keys of a
    dictionary, whose order of comparisons is secret and other in each process.
    """

    def __init__(self, path: Path) -> None:
        """Raises SettingError for a file that cannot be read."""
        self._path = path
        self._version = version_of_file(path)
        self._users = _Users(read_auth(path), path.parent)
        self._look_at = time.monotonic() + INTERVAL
        self._lock = Lock()

    @property
    def file(self) -> AuthFile:
        """The file as it was read last."""
        return self._users.file

    def user(self, authorization: str | None, api_key: str | None) -> User:
        """The user with these headers. One whose credentials do not count has no right, and a problem."""
        if time.monotonic() > self._look_at:
            self._look()
        return self._users.user(authorization, api_key)

    def _look(self) -> None:
        """Read the file if it has changed. One that cannot be read leaves the users as they are."""
        with self._lock:
            self._look_at = time.monotonic() + INTERVAL
            version = version_of_file(self._path)
            if version == self._version:
                return
            self._version = version
            try:
                self._users = _Users(read_auth(self._path), self._path.parent)
            except SettingError as problem:
                log.error("the users stay as they were: %s", problem)
            else:
                log.info("%s was read again", self._path)


class _Users:
    """The users of one version of the file."""

    def __init__(self, file: AuthFile, folder: Path) -> None:
        self.file = file
        self._anonymous = User("", rights_of(file.anonymous))
        self._keys = {entry.id: entry for entry in file.keys}
        self._issuers = {}
        if file.issuers:
            try:
                from terminology.authentication.tokens import Issuer
            except ImportError as problem:
                raise SettingError(
                    f"'issuers' need the package {problem.name}: {installation_of('auth')}"
                ) from None
            self._issuers = {entry.issuer: Issuer(entry, folder) for entry in file.issuers}
        self._known: RecentValues[tuple[User, float]] = RecentValues(ROOM, lambda key, _: size_of(key))

    def user(self, authorization: str | None, api_key: str | None) -> User:
        if authorization is None and api_key is None:
            return self._anonymous
        credentials = api_key if authorization is None else authorization
        known = self._known.find((authorization is None, credentials))
        if known is not None and time.time() < known[1]:
            return known[0]
        user, until = self._checked(authorization, api_key or "")
        if user.problem is None:
            self._known.put((authorization is None, credentials), (user, until))
        return user

    def _checked(self, authorization: str | None, api_key: str) -> tuple[User, float]:
        if authorization is None:
            return self._of_key(api_key)
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer":
            return _refused(issues.unknown_scheme())
        return self._of_token(token) if token.count(".") == 2 else self._of_key(token)

    def _of_key(self, key: str) -> tuple[User, float]:
        entry = entry_of(key, self._keys)
        if entry is None:
            return _refused(issues.unknown_key())
        until = _end_of(entry)
        if until <= time.time():
            return _refused(issues.key_expired(str(entry.expires)))
        rights = rights_of(entry.scopes, entry.roots) | licence_rights(entry.licences)
        return User(entry.user, rights), until

    def _of_token(self, token: str) -> tuple[User, float]:
        if not self._issuers:
            return _refused(issues.no_tokens())
        if len(token) > LONGEST:
            return _refused(issues.token_unreadable())
        from terminology.authentication.tokens import issuer_of

        issuer = issuer_of(token)
        if issuer is None:
            return _refused(issues.token_unreadable())
        if issuer not in self._issuers:
            return _refused(issues.unknown_issuer(issuer))
        try:
            return self._issuers[issuer].user(token)
        except TerminologyError as error:
            return _refused(error.issues[0])


def _refused(issue: Issue) -> tuple[User, float]:
    return User("", _NOTHING, issue), 0


def _end_of(entry: KeyEntry) -> float:
    """The end of the day up to which a key counts, in seconds since 1970."""
    if entry.expires in (None, date.max):
        return _FOREVER
    return datetime.combine(entry.expires + timedelta(days=1), time_of_day(), UTC).timestamp()
