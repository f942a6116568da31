"""The work that one request may take, counted as it goes.

A budget is opened where a request comes in, and all that the request causes shares it: the entries of a batch, the
imports of a value set, the maps that lead to others. Every loop whose length a client decides counts its steps
(``spend``, ``counted``); past the budget, or past the deadline, the next step raises ``OverBudgetError``. Without an
open budget, as in an import, nothing is counted.

A step is one code that is visited, about 0.2 microseconds; what takes longer counts as several steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from itertools import chain, islice
from time import monotonic
from typing import TypeVar

from terminology.core import issues
from terminology.core.errors import OverBudgetError

T = TypeVar("T")

# The steps, and the seconds, that a request may take, and the codes that an answer of $expand may list, unless the
# settings say otherwise.
MOST_STEPS = 25_000_000
MOST_SECONDS = 10
LARGEST_EXPANSION = 50_000
# The clock is read after so many steps.
_STEPS_PER_LOOK = 5_000
# How many items are counted at once.
_SOME = 64


class Budget:
    """The steps that are left, and the moment at which the request must end."""

    __slots__ = ("_deadline", "_seconds", "left", "look_at", "most")

    def __init__(self, steps: int = MOST_STEPS, seconds: float = MOST_SECONDS) -> None:
        self.most = self.left = steps
        self._seconds = seconds
        self._deadline = monotonic() + seconds
        self.look_at = steps - _STEPS_PER_LOOK if steps > _STEPS_PER_LOOK else 0

    def spend(self, steps: int = 1) -> None:
        """Count some steps. Raises OverBudgetError when there are no more, or no more time."""
        self.left -= steps
        if self.left < self.look_at:
            self.look()

    def look_next(self) -> None:
        """Read the clock at the next step."""
        self.look_at = self.left

    @property
    def is_late(self) -> bool:
        return monotonic() > self._deadline

    @property
    def seconds_left(self) -> float:
        return self._deadline - monotonic()

    def look(self) -> None:
        """Raise OverBudgetError when there are no more steps, or no more time."""
        if self.left < 0:
            raise OverBudgetError(issues.over_budget(self.most))
        if self.is_late:
            raise self.lateness()
        self.look_at = max(0, self.left - _STEPS_PER_LOOK)

    def lateness(self) -> OverBudgetError:
        """The error of a request that takes too long."""
        self.look_next()  # also the next step raises it
        return OverBudgetError(issues.past_deadline(self._seconds))


_CURRENT: ContextVar[Budget | None] = ContextVar("budget", default=None)


# Opens a budget for what this thread does, until ``close`` gets the token that it returns. Functions of C: each request
# calls them.
open_new: Callable[[Budget], Token[Budget | None]] = _CURRENT.set
close: Callable[[Token[Budget | None]], None] = _CURRENT.reset


@contextmanager
def opened(steps: int = MOST_STEPS, seconds: float = MOST_SECONDS) -> Iterator[None]:
    """A budget for the work in a ``with``; where there is one already, that one is shared."""
    if _CURRENT.get() is not None:
        yield
        return
    token = open_new(Budget(steps, seconds))
    try:
        yield
    finally:
        close(token)


def current() -> Budget | None:
    """The budget of the request that this thread answers."""
    return _CURRENT.get()


def spend(steps: int = 1) -> None:
    """Count some steps of the request. Raises OverBudgetError."""
    budget = _CURRENT.get()
    if budget is not None:
        # As ``Budget.spend``, without another call: it happens several times in each request.
        budget.left -= steps
        if budget.left < budget.look_at:
            budget.look()


def begin_part(steps: int) -> None:
    """Count some steps before one of several parts of a request, and read the clock. Raises OverBudgetError."""
    budget = _CURRENT.get()
    if budget is not None:
        budget.left -= steps
        budget.look()


def most_steps() -> int:
    """The steps that the request might take from the beginning."""
    budget = _CURRENT.get()
    return MOST_STEPS if budget is None else budget.most


def steps_left() -> int:
    """The steps that the request may still take."""
    budget = _CURRENT.get()
    return MOST_STEPS if budget is None else budget.left


def counted(items: Iterable[T], steps: int = 1) -> Iterator[T]:
    """The items; each counts as so many steps. Raises OverBudgetError."""
    budget = _CURRENT.get()
    if budget is None:
        return iter(items)
    if isinstance(items, list | tuple) and len(items) <= _SOME:
        budget.spend(steps * len(items))
        return iter(items)
    source, spend_ = iter(items), budget.spend

    def some() -> list[T]:
        taken = list(islice(source, _SOME))
        spend_(steps * len(taken))
        return taken

    return chain.from_iterable(iter(some, []))
