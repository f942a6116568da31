"""How long a request waits that needs no database, while the PostgreSQL of the store hangs.

    python benchmarks/hung_database.py    # about 40 seconds

A default server has its store in a PostgreSQL of its own. Sixteen clients, each from an address of its own, ask it
for codes of the store; another one (``second_client``) asks ten times a second for a code that is not in the store.
Then every process of PostgreSQL is stopped (SIGSTOP), and continued. The slowest answer of the second client is to
take no longer than 100 ms. Prints a table; the exit status is 1 if that is missed.
"""

from __future__ import annotations

import http.client
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import second_client

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from terminology.store.release import ConceptRow  # noqa: E402
from tests.support import postgres  # noqa: E402
from tests.support.birds import URL, release  # noqa: E402
from tests.support.service import serving  # noqa: E402
from tests.support.stores import load  # noqa: E402

CLIENTS = 16
SECONDS = 10.0
LONGEST = 0.1
CODES = 20_000
_SPAWN = get_context("spawn")
STORED = f"/fhir/r5/CodeSystem/$lookup?system={URL}&code=C"


@dataclass(slots=True)
class Phase:
    """What the clients of the store met: seconds of the answers, and their statuses."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


class Clients:
    """The clients of the store, in threads. ``phase`` is where they note what they meet."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.phase = Phase()
        self._is_over = threading.Event()

    def _ask(self, address: str, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, 60, (address, 0))
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except OSError:
            return 0
        finally:
            connection.close()

    def _ask_for_stored(self, first: int) -> None:
        number = first
        while not self._is_over.is_set():
            phase, began = self.phase, time.monotonic()
            phase.statuses[self._ask(f"127.0.1.{first + 1}", f"{STORED}{number % CODES}")] += 1
            phase.seconds.append(time.monotonic() - began)
            number += CLIENTS
            time.sleep(0.01)

    @contextmanager
    def asking(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._ask_for_stored, args=(first,)) for first in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def spend(self, seconds: float) -> tuple[Phase, second_client.Fared]:
        """What they meet for so long, and what the second client meets."""
        ours, theirs = _SPAWN.Pipe()
        arguments = (self._port, theirs)
        observer = _SPAWN.Process(target=second_client.ask_until_told, args=arguments, daemon=True)
        observer.start()
        phase = self.phase = Phase()
        time.sleep(seconds)
        ours.send("end")
        fared: second_client.Fared = ours.recv()[second_client.OWN]
        observer.join()
        return phase, fared


def main() -> int:
    with ExitStack() as open_:
        server = open_.enter_context(postgres.server())
        load(server.url(), (release("1"), [ConceptRow(f"C{number}", "there") for number in range(CODES)]))
        service = open_.enter_context(serving("--bundled", "--store", server.url()))
        clients = Clients(service.port)
        phases = {}
        with clients.asking():
            clients.spend(1.0)
            phases["answers"] = clients.spend(SECONDS / 2)
            with server.hung():
                phases["hangs"] = clients.spend(SECONDS)
            phases["answers again"] = clients.spend(SECONDS)
    print(
        f"| PostgreSQL | second client: answers, slowest in ms | {CLIENTS} clients of the store: statuses, slowest |"
    )
    print("| --- | --- | --- |")
    for name, (phase, fared) in phases.items():
        statuses = ", ".join(f"{count:,} of {status}" for status, count in sorted(phase.statuses.items()))
        second = f"{fared.answers}, {fared.slowest * 1000:.0f}"
        print(f"| {name} | {second} | {statuses}; {max(phase.seconds) * 1000:,.0f} |")
        for failure in fared.failures[:3]:
            print(f"  failed: {failure}")
    _, hanging = phases["hangs"]
    comes_back = phases["answers again"][0].statuses[200] > 0
    return 0 if not hanging.failures and hanging.slowest <= LONGEST and comes_back else 1


if __name__ == "__main__":
    sys.exit(main())
