"""granian as the web server: processes that are replaced when they die or hang, and limits for every caller.

The first process listens, and answers nothing itself. It makes the workers, which inherit the listening socket, so that
clients may connect while a worker is replaced. A worker ends when the first process is gone.

Five things here depend on the inside of granian, which offers no other way; tests hold each: where it makes the socket
(``_init_shared_socket``), where it makes a worker (``_spawn_worker``), how it sees one die, how a worker
handles signals (``_signals``), and its function for a request (``_WRAP``), in whose place ``SharedThreads`` and
``gateway`` stand.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import wait
from threading import Thread, main_thread
from typing import TYPE_CHECKING, Any

from flask import Flask
from granian import _signals
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import mp

from terminology.catalogue.content import Content
from terminology.http.addresses import caller_at, caller_of
from terminology.http.announcements import Announcements
from terminology.http.app import create_app
from terminology.http.awaited_bodies import THREADS, AwaitedBodies
from terminology.http.common_headers import CommonHeaders
from terminology.http.connections import Connections
from terminology.http.error_log import of_granian
from terminology.http.gateway import gateway
from terminology.http.given_back import Tidying
from terminology.http.outer_layers import finish_observation, with_layers_of
from terminology.http.reloading import Reloading, WorkerContent, await_workers
from terminology.http.shared_threads import SharedThreads
from terminology.opening import ServedContent, reloaded
from terminology.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# Connections for which the system may keep requests until a worker accepts them.
BACKLOG = 1_024
# Seconds between two looks at the workers.
INTERVAL = 0.25
# Seconds that the workers have to read the content again, before a reload is reported without them.
RELOAD_PATIENCE = 180
MOMENT = 0.01
# Seconds after which a thread ends that nobody needs: granian makes many where many requests come at once, and each
# keeps some memory. It takes no fewer.
IDLE = 5
# Looks after which a death that nobody takes care of is told again.
FORGOTTEN = 8
# Files that a worker has open besides its connections.
_OTHER_FILES = 256
_WRAP = "_wsgi_call_wrap"
_REFUSAL = "terminology.refusal"
# Can workers have the socket that this process listens on? Elsewhere granian makes one of its own.
SHARES_SOCKET = sys.platform == "linux" and multiprocessing.get_start_method() == "fork"


def options(settings: Settings) -> dict[str, Any]:
    """What granian is given, besides where it listens."""
    return {
        "interface": Interfaces.WSGI,
        "http": HTTPModes.http1,  # one request at a time over each connection, and a time limit for its headers
        "http1_settings": HTTP1Settings(header_read_timeout=settings.header_timeout * 1_000),
        "workers": settings.workers,
        # One caller may take the first part for work; one thread is left to others. They are made when they are needed.
        "blocking_threads": settings.threads + 1 + THREADS,
        "blocking_threads_idle_timeout": IDLE,
        "backlog": BACKLOG,
        "backpressure": _most_connections(settings),
        "log_level": LogLevels.error,
        "respawn_failed_workers": True,
        "workers_kill_timeout": settings.stop_timeout,
        **_tls(settings),
    }


def _tls(settings: Settings) -> dict[str, Any]:
    if settings.tls_certificate is None:
        return {}
    return {
        "ssl_cert": settings.tls_certificate,
        "ssl_key": settings.tls_key,
        "ssl_protocol_min": SSLProtocols.tls12,
        "ssl_ca": settings.tls_authorities,
        "ssl_client_verify": settings.tls_authorities is not None,
    }


def serve(
    settings: Settings,
    catalogue: Content,
    listening: socket.socket,
    ready: Callable[[], None],
    announcements: Announcements,
    reloading: Reloading,
) -> None:
    """Serve until a signal ends it. ``ready`` is called when the first worker answers."""
    address, port = listening.getsockname()[:2]
    stuck_timeout = settings.stuck_timeout
    server = _Server(
        listening,
        stuck_timeout,
        ready,
        announcements,
        address=address,
        port=port,
        log_dictconfig=of_granian(settings),
        **options(settings),
    )
    server.serve(target_loader=_Loader(settings, catalogue, port, server, reloading), wrap_loader=False)


def _most_connections(settings: Settings) -> int:
    """As many as the settings say, if the system allows so many open files."""
    try:
        import resource
    except ImportError:  # Windows
        return settings.connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.connections + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return max(16, min(settings.connections, soft - _OTHER_FILES))
    return settings.connections


# -- the first process ---------------------------------------------------------------------------


# Without types: granian has none for the methods that are overridden.
_Granian: Any = mp.MPServer


class _Server(_Granian):  # type: ignore[misc]
    """``loaded`` is raised by each worker that has its application; ``beats`` are moved by each that is alive."""

    def __init__(
        self,
        listening: socket.socket,
        stuck_timeout: int,
        ready: Callable[[], None],
        announcements: Announcements,
        **options: Any,
    ) -> None:
        super().__init__("terminology", **options)
        self._announcements = announcements
        self.loaded = multiprocessing.Semaphore(0)
        self.beats = multiprocessing.RawArray("L", options["workers"])
        # How often the workers were told to read the content again.
        self.reloads = multiprocessing.RawValue("l", 0)
        # Of each worker, to which reload it has answered.
        self.answers = multiprocessing.RawArray("l", options["workers"])
        self.socket_file = listening.fileno(), os.fstat(listening.fileno()).st_ino
        self._listening, self._ready, self._stuck_timeout = listening, ready, stuck_timeout

    def _init_shared_socket(self) -> None:
        if SHARES_SOCKET:
            self._sso, self._ssp = self._listening, None
            self._shd = SocketHolder(self._listening.fileno(), False, BACKLOG)  # type: ignore[call-arg]
        else:
            self._listening.close()
            super()._init_shared_socket()

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> Any:
        if self.beats[
            idx
        ]:  # the one before had started: only deaths of those that cannot start end the service
            self.respawned_wrks.pop(idx, None)
        self.beats[idx] = 0
        worker = super()._spawn_worker(idx, target, partial(callback_loader, idx))
        worker._watch = _nobody_watches
        return worker

    def startup(self, spawn_target: Any, target_loader: Any) -> None:
        super().startup(spawn_target, target_loader)
        for run in (self._await_workers, self._watch_workers):
            Thread(target=run, daemon=True).start()

    def _await_workers(self) -> None:
        self.loaded.acquire()
        self._ready()
        while True:
            self.loaded.acquire()
            # granian ends where a worker dies twice within seconds. Only one that cannot start is a reason for that.
            self.respawned_wrks.clear()

    def _watch_workers(self) -> None:
        """Kill a worker whose beat stands still, and see to it that every dead one is replaced.

        granian's own watch takes note of a death by the place of the worker. On a busy machine it may do that when
        another worker has the place, which then seems to die at once: so a death is told here, and told again only if
        granian forgets it, as it does with one that it is told while it takes note of another.
        """
        silent: dict[int, tuple[int, int]] = {}  # by process: its beat, and how often it was the same
        looks: dict[int, int] = {}  # by process: how often it was seen dead, and nobody was taking care of it
        while not self.interrupt_signal:
            is_early = self._wait_for_end()
            self._announcements.alive()
            for worker in list(self.wrks):
                beat, process = self.beats[worker.idx], worker.inner.pid
                if worker.is_alive():
                    last, times = silent.get(process, (0, 0))
                    times = times + (not is_early) if beat == last else 0
                    silent[process] = beat, times
                    if beat and times * INTERVAL >= self._stuck_timeout:
                        worker.inner.kill()
                elif not worker.interrupt_by_parent and worker.idx not in self.interrupt_children:
                    count = looks[process] = looks.get(process, -1) + 1
                    if count % FORGOTTEN == 0:
                        self.interrupt_children.append(worker.idx)
            if self.interrupt_children:
                self.main_loop_interrupt.set()

    def _wait_for_end(self) -> bool:
        """Wait until it is time to look at the workers. Is it early, because one of them has ended?"""
        ends = [worker.inner.sentinel for worker in list(self.wrks) if worker.is_alive()]
        is_early = bool(ends and wait(ends, INTERVAL))
        time.sleep(MOMENT if ends else INTERVAL)  # an end can be seen before the process is dead
        return is_early

    def _reload(self, spawn_target: Any, target_loader: Any) -> None:
        """Read the content again. The workers are replaced only where they may have a new certificate to read.

        In the thread that makes workers: a process that is forked while another thread reads might never begin.
        """
        self.reload_signal = False
        self.main_loop_interrupt.clear()
        is_read = target_loader.reload()
        self.reloads.value = target_loader.reloads
        if self.ssl_ctx[0]:
            super()._reload(spawn_target, target_loader)
        if is_read:
            Thread(target=target_loader.await_workers, args=(target_loader.reloads,), daemon=True).start()

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        self._announcements.stopping()
        for worker in self.wrks:
            worker.interrupt_by_parent = True  # the signal may have gone to all processes
        super().signal_handler_interrupt(*args, **kwargs)


def _nobody_watches() -> None:
    """Instead of granian's watch of a worker."""


# -- a worker ------------------------------------------------------------------------------------


class _Loader:
    """Makes the application of a worker process.

    A forked worker has the content already, any other reads it. Each opens the store itself, and looks for a new state
    of it at each request.
    """

    def __init__(
        self, settings: Settings, catalogue: Content, port: int, server: _Server, reloading: Reloading
    ) -> None:
        self._settings, self._port = settings, port
        self._catalogue: Content | None = catalogue
        self._loaded, self._beats, self._socket = server.loaded, server.beats, server.socket_file
        # How often the content was read again: in a worker, before it began.
        self.reloads = 0
        self._reloads_now, self._answers = server.reloads, server.answers
        self._reloading: Reloading | None = reloading

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_catalogue": None, "_reloading": None}

    def reload(self) -> bool:
        """In the first process: read the content again, for itself and the workers to come. False if that fails."""
        assert self._reloading is not None and self._catalogue is not None
        content = self._reloading.attempt(partial(reloaded, self._catalogue, self._settings))
        if content is None:
            return False
        self._catalogue = content
        self.reloads += 1
        return True

    def await_workers(self, reload: int) -> None:
        """In a thread of the first process: report a reload when all workers have answered to it."""
        assert self._reloading is not None
        self._reloading.finish(await_workers(self._answers, reload, RELOAD_PATIENCE))

    def __call__(self, idx: int) -> Flask:
        settings = self._settings
        if sys.platform != "win32":
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the first process tells the workers
        _signals.set_main_signals = partial(_set_signals, _signals.set_main_signals)
        Thread(target=self._end_with_parent, daemon=True).start()
        reloads_now = self._reloads_now
        served = ServedContent(settings, self._catalogue)
        answers = self._answers
        content = WorkerContent(
            served, lambda: reloads_now.value, self.reloads, partial(answers.__setitem__, idx)
        )
        app = create_app(settings, catalogue=served)
        per_caller = 0 if settings.proxies else settings.connections_per_caller
        connections = Connections(self._port, _most_connections(settings), per_caller, caller_at)
        beats = self._beats

        def wrapped(app: Flask, *_: object) -> SharedThreads:
            refused: WSGIApplication = CommonHeaders(_raise_refusal, settings)
            refusing = gateway(with_layers_of(app.wsgi_app, refused))

            def refuse(reply: Any, scope: dict[str, Any], error: Exception) -> None:
                scope[_REFUSAL] = error
                refusing(reply, scope)

            bodies = AwaitedBodies(refuse, connections, settings.largest_body, settings.body_timeout)

            waiting = max(0, settings.requests_per_caller - settings.threads)
            threads = SharedThreads(
                gateway(app), refuse, bodies, caller_of(settings), settings.threads, waiting
            )

            tidying = Tidying()

            def look() -> None:
                beats[idx] += 1
                bodies.give_up_late_ones()
                content.look()
                if threads.are_idle():
                    tidying.look()
                if self._has_ended() and threads.are_idle() and bodies.are_here():
                    if not connections.close_silent_ones():
                        finish_observation()
                        os._exit(0)

            connections.watch(look)
            return threads

        setattr(mp, _WRAP, wrapped)
        beats[idx] = 1
        self._loaded.release()
        return app

    def _has_ended(self) -> bool:
        """Has granian closed the socket, because the worker was told to end?

        It then waits for the connections, for ever if there was none: so a worker that has answered all ends itself.
        """
        number, file = self._socket
        try:
            return SHARES_SOCKET and os.fstat(number).st_ino != file
        except OSError:
            return True

    def _end_with_parent(self) -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        parent.join()
        for _ in range(self._settings.stop_timeout * 10):
            os.kill(os.getpid(), signal.SIGTERM)  # has no effect while the worker starts
            time.sleep(0.1)
        os._exit(1)


def _set_signals(set_signals: Callable[..., None], handler: Callable[..., None], *_: object) -> None:
    """Let granian handle the first signal alone: with a second one soon after it the worker would not end.

    Of two signals at once another thread may take both, and the main one, which runs the handlers, sleeps on. So it
    is sent one of its own.
    """
    signals: list[int] = []
    if sys.platform != "win32":
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing)

        def wake() -> None:
            signal.pthread_kill(main_thread().ident or 0, os.read(reading, 1)[0])

        Thread(target=wake, daemon=True).start()

    def handle(number: int, frame: object) -> None:
        signals.append(number)
        if len(signals) == 1:
            handler(number, frame)

    set_signals(handle)


def _raise_refusal(environ: dict[str, Any], _: object) -> Any:
    raise environ[_REFUSAL]
