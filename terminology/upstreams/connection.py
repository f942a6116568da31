"""HTTP to one upstream, with bounds for its answers and for the time that they take.

A question is sent by a thread of its own, because no time limit of a socket bounds a whole answer: one that drips is
given up at the deadline, and its thread ends by itself. Slots bound how many requests wait for all upstreams, and how
many threads each upstream has.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread
from time import monotonic, sleep
from typing import Any, NamedTuple, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

from terminology.core import issues
from terminology.core.errors import UpstreamError
from terminology.core.model import Issue
from terminology.core.software import VERSION
from terminology.upstreams.configuration import UpstreamSettings
from terminology.upstreams.kept_answers import Directives, Reply

# Seconds after which it is worth asking again, where the upstream does not say.
RETRY_AFTER = 5
# Longer times than this that an upstream asks for are passed on as this.
LONGEST_RETRY_AFTER = 3_600
MOST_RETRIES = 2
# The headers of a question that may be answered with 304: nothing has changed.
CONDITIONAL = frozenset({"If-None-Match", "If-Modified-Since"})
RETRIED = (429, 502, 503, 504)
# How long a request waits for a slot, in seconds: its thread answers nobody meanwhile.
PATIENCE = 1.0
_MEDIA = ("application/fhir+json", "application/json", "application/json+fhir", "text/json")
_PIECE = 65_536

log = logging.getLogger("terminology")

# The moment at which the question of this thread must have its answer.
_END: ContextVar[float] = ContextVar("end")


class UpstreamQuestion(NamedTuple):
    """A request to an upstream; an answer with the status 200 is a resource of the type ``expected``, or any object.

    ``path`` is below the base, and empty for the base itself.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    content: bytes | None
    expected: str | None


class _TooLateError(Exception):
    """The upstream asks to wait for longer than there is time: ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__()


class _UnusableError(Exception):
    """An answer cannot be used; the text is a clause that says why."""


class _RetryInTime(Retry):
    """Retries that end before the deadline. An upstream that is slow is not asked again."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        *further: Any,
        **named: Any,
    ) -> Self:
        if isinstance(error, ReadTimeoutError):
            raise error
        return super().increment(method, url, response, error, *further, **named)

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        requested = self.get_retry_after(response) if response is not None else None
        seconds = requested if requested is not None else self.get_backoff_time()
        if monotonic() + seconds >= _END.get():
            raise _TooLateError(seconds)
        sleep(seconds)


class Connection:
    """The connections to one upstream. For use by several threads; ``slots`` are shared with other upstreams."""

    def __init__(self, upstream: UpstreamSettings, slots: BoundedSemaphore, most: int) -> None:
        self._upstream, self._slots, self._most = upstream, slots, most
        self._threads = BoundedSemaphore(most)
        session = self._session = requests.Session()
        session.trust_env = False  # no credentials of ~/.netrc, no proxies that the file does not name
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers.clear()
        session.verify = str(upstream.authorities) if upstream.authorities else True
        if upstream.certificate is not None:
            certificate = str(upstream.certificate)
            session.cert = (certificate, str(upstream.key)) if upstream.key else certificate
        if upstream.proxy is not None:
            session.proxies = {"http": upstream.proxy, "https": upstream.proxy}
        retries = _RetryInTime(
            MOST_RETRIES,
            status_forcelist=RETRIED,
            allowed_methods=None,  # all questions are reads, also those that are sent by POST
            backoff_factor=0.1,
            backoff_jitter=0.1,
            raise_on_status=False,
        )
        adapter = HTTPAdapter(pool_maxsize=most, max_retries=retries)
        session.mount("http://", adapter)
        session.mount("https://", adapter)

    def take_slot(self, seconds: float) -> None:
        """Take the slot that ``fetch`` gives back. Raises UpstreamError if none is free in time."""
        if seconds <= 0:
            raise self._too_slow(0)
        patience = min(PATIENCE, seconds)
        if self._threads.acquire(timeout=patience):
            if self._slots.acquire(timeout=patience):
                return
            self._threads.release()
        raise self._error(503, issues.upstreams_busy(self._most), retry_after=1)

    def fetch(self, question: UpstreamQuestion, headers: Mapping[str, str], seconds: float) -> Reply:
        """The answer to one request below the base, for which a slot was taken. Raises UpstreamError."""
        end = monotonic() + seconds
        outcome: SimpleQueue[Reply | Exception] = SimpleQueue()

        def work() -> None:
            _END.set(end)
            try:
                outcome.put(self._sent(question, headers))
            except Exception as error:
                outcome.put(error)
            finally:
                self._threads.release()

        try:
            Thread(target=work, name=f"upstream {self._upstream.name}", daemon=True).start()
            result = outcome.get(timeout=max(0.0, end - monotonic()))
        except Empty:
            raise self._too_slow(seconds) from None
        except RuntimeError as error:  # the system has no more threads
            self._threads.release()
            raise self._error(503, issues.upstreams_busy(self._most), 1, error) from None
        finally:
            self._slots.release()
        if isinstance(result, Exception):
            raise self._fault(result, seconds)
        return result

    def _sent(self, question: UpstreamQuestion, headers: Mapping[str, str]) -> Reply:
        upstream = self._upstream
        left = max(0.01, _END.get() - monotonic())
        response = self._session.request(
            question.method,
            f"{upstream.base}/{question.path}".rstrip("/"),
            params=question.query,
            data=question.content,
            headers={"User-Agent": f"fhir-terminology-adapter/{VERSION}", **headers, **upstream.credentials},
            timeout=(min(upstream.connect_timeout, left), min(upstream.read_timeout, left)),
            allow_redirects=False,
            stream=True,
        )
        with response:
            status = response.status_code
            directives = Directives.of(response.headers)
            if status == 304 and not CONDITIONAL.isdisjoint(headers):
                return Reply.now(status, b"", directives)
            if 300 <= status < 400:
                raise _UnusableError("it redirects to another address, which is never followed")
            if status in (401, 403, 407, 429) or (status >= 500 and status != 501):
                seconds = _seconds_of(response.headers.get("Retry-After"))
                raise self._error(503, issues.upstream_failed(upstream.name, status, upstream.base), seconds)
            self._check_media(response.headers.get("Content-Type", ""))
            return Reply.now(status, self._content(response), directives)

    def _check_media(self, header: str) -> None:
        media, *parameters = (part.strip().lower() for part in header.split(";"))
        if media not in _MEDIA:
            raise _UnusableError(f"it is {media or 'of no media type'}, and not FHIR's JSON")
        release = self._upstream.release
        for parameter in parameters:
            name, _, version = parameter.partition("=")
            if name.strip() == "fhirversion" and release is not None:
                if not release.can_be_read_as(version.strip(' "')):
                    raise _UnusableError(f"it has the FHIR version {version}, and not {release.short}")

    def _content(self, response: requests.Response) -> bytes:
        """The body, read as it comes: not beyond the largest one, and not after the deadline."""
        largest, pieces, size = self._upstream.largest_answer, list[bytes](), 0
        length = response.headers.get("Content-Length", "")
        if length.isdecimal() and int(length[:20]) > largest:
            raise _UnusableError(f"it is larger than {largest:,} bytes")
        while piece := response.raw.read1(_PIECE, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > largest:
                raise _UnusableError(f"it is larger than {largest:,} bytes")
            if monotonic() > _END.get():
                raise _TooLateError(RETRY_AFTER)
        return b"".join(pieces)

    # -- faults

    def _fault(self, error: Exception, seconds: float) -> Exception:
        """The UpstreamError for what went wrong; any other exception is a bug, and stays as it is."""
        name, base = self._upstream.name, self._upstream.base
        match error:
            case UpstreamError():
                return error
            case _TooLateError() if error.seconds > RETRY_AFTER:
                issue = issues.upstream_unreachable(name, "it asks to be left alone for a while", base)
                return self._error(503, issue, error.seconds)
            case _TooLateError() | requests.Timeout() | ReadTimeoutError():
                return self._too_slow(seconds)
            case _UnusableError():
                return self._error(503, issues.upstream_unusable(name, str(error), base))
            case requests.exceptions.SSLError():
                reason = "the certificates of one side are not accepted by the other"
                return self._error(503, issues.upstream_unreachable(name, reason, base), cause=error)
            case requests.ConnectionError():
                reason = "no connection was possible, or it broke off"
                return self._error(503, issues.upstream_unreachable(name, reason, base), cause=error)
            case requests.RequestException() | HTTPError():
                reason = "it broke off, or is not written as HTTP demands"
                return self._error(503, issues.upstream_unusable(name, reason, base), cause=error)
        return error

    def _too_slow(self, seconds: float) -> UpstreamError:
        return self._error(504, issues.upstream_too_slow(self._upstream.name, seconds, self._upstream.base))

    def _error(
        self,
        status: int,
        issue: Issue,
        retry_after: float | None = None,
        cause: Exception | None = None,
    ) -> UpstreamError:
        log.warning("%s%s", issue.text, f" ({type(cause).__name__})" if cause is not None else "")
        seconds = RETRY_AFTER if retry_after is None else retry_after
        return UpstreamError(
            status, issue, self._upstream.name, max(1, min(LONGEST_RETRY_AFTER, round(seconds + 0.4)))
        )


def _seconds_of(header: str | None) -> float | None:
    """The seconds of ``Retry-After``; None for none, and for a date, which is rare."""
    text = (header or "").strip()
    return float(text) if text.isdecimal() and len(text) < 9 else None
