"""A PostgreSQL server for the tests, in a temporary folder, where Debian's packages are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# Each store of a test has two connections until the garbage collector finds it.
# fsync=off: what is tested is what happens when a client dies, not when the power fails.
OPTIONS = ("listen_addresses=", "fsync=off", "shared_buffers=64MB", "max_connections=400")


def programs() -> Path | None:
    """The folder that has initdb and pg_ctl, or None."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


class Server:
    """A running server. ``url`` is that of a database in it."""

    def __init__(self, folder: Path, bin_: Path) -> None:
        self.folder, self._bin = folder, bin_

    def run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **_as_somebody())

    def start(self) -> None:
        options = " ".join(["-k", str(self.folder), *(f"-c {option}" for option in OPTIONS)])
        log = str(self.folder / "log")
        self.run("pg_ctl", "start", "-w", "-D", str(self.folder / "data"), "-l", log, "-o", options)

    def stop(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self.run("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self.folder / "data"))

    def processes(self) -> list[int]:
        """The process of the server, and those that it has started. Reads /proc."""
        first = int((self.folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
        numbers = [first]
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(path.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == first:
                numbers.append(int(path.parent.name))
        return numbers

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Stop all its processes meanwhile: connections stay open, and nothing answers."""
        stopped = self.processes()
        for process in stopped:
            with suppress(ProcessLookupError):  # one that looks after the tables ends by itself
                os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in reversed(stopped):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql:///{database}?host={self.folder}&user=terminology"


def _as_somebody() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    return {} if os.geteuid() else {"user": _somebody().pw_uid, "group": _somebody().pw_gid}


def _somebody() -> pwd.struct_passwd:
    known: Sequence[pwd.struct_passwd] = pwd.getpwall()
    return next(user for name in ("postgres", "nobody") for user in known if user.pw_name == name)


@contextmanager
def server() -> Iterator[Server]:
    """Raises FileNotFoundError where PostgreSQL is not installed."""
    with _folder() as folder:
        made = Server(folder, _programs())
        data = str(folder / "data")
        made.run("initdb", "-D", data, "-U", "terminology", "-A", "trust", "-E", "UTF8", "--locale=C")
        with _running(made):
            yield made


@contextmanager
def replica(primary: Server) -> Iterator[Server]:
    """A streaming replica of a server."""
    with _folder() as folder:
        made = Server(folder, _programs())
        of = f"host={primary.folder} user=terminology"
        made.run("pg_basebackup", "-d", of, "-D", str(folder / "data"), "-R", "-X", "stream", "-c", "fast")
        with _running(made):
            yield made


def _programs() -> Path:
    found = programs()
    if found is None:
        raise FileNotFoundError("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    return found


@contextmanager
def _running(made: Server) -> Iterator[None]:
    made.start()
    try:
        yield
    finally:
        made.stop()


@contextmanager
def _folder() -> Iterator[Path]:
    # Short, for the path of a socket must be.
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    try:
        if not os.geteuid():
            os.chown(folder, _somebody().pw_uid, _somebody().pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
