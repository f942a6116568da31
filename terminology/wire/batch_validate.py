"""Many questions in one request: ``$batch-validate-code``, as HL7's ecosystem has it.

Every ``validation`` is a Parameters resource. What it does not say, the parameters beside it say for all.
Each is answered for itself, in order; one that cannot be answered gets an OperationOutcome in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Document
from terminology.wire.bundle import BATCH_LIMIT
from terminology.wire.outcome import operation_outcome
from terminology.wire.parameters import Given, Parameter, from_body, named
from terminology.wire.write.parameters import parameters as written

Ask = Callable[[list[Given]], Document]

# Fields that say the same in other ways: of these a question takes its own only.
_ALTERNATIVES = (
    frozenset({"code", "coding", "concept"}),
    frozenset({"url", "value_set", "value_set_version", "code_system", "context"}),
)


def answer_each(name: str, rows: Sequence[Parameter], given: Sequence[Given], ask: Ask) -> Document:
    """Ask every question that comes under a name. Raises TerminologyError when there is none, or too many."""
    questions = [item for item in given if item.name == name]
    if not questions:
        raise TerminologyError(issues.missing_parameter(f"'{name}'"))
    if len(questions) > BATCH_LIMIT:
        raise TerminologyError(issues.too_many_entries(BATCH_LIMIT, len(questions)))
    shared = [item for item in given if item.name != name]
    answers = (_answered(question, shared, rows, ask) for question in questions)
    return written({"name": name, "resource": answer} for answer in answers)


def _answered(question: Given, shared: Sequence[Given], rows: Sequence[Parameter], ask: Ask) -> Document:
    try:
        own = _own(question)
        return ask([*own, *_left(shared, own, rows)])
    except TerminologyError as error:
        return operation_outcome(error.issues)


def _own(question: Given) -> list[Given]:
    """The parameters of one question, each with its place in the whole."""
    body = None if isinstance(question.value, str) else question.value.get("resource")
    if not isinstance(body, dict):
        raise TerminologyError(issues.bad_value(question.name, None, "a Parameters resource", question.at))
    return [
        Given(item.name, item.value, item.at.replace("Parameters", f"{question.at}.resource", 1))
        for item in from_body(body, question.name)
    ]


def _left(shared: Sequence[Given], own: Sequence[Given], rows: Sequence[Parameter]) -> list[Given]:
    """What is said for all, as far as the question does not say it itself."""
    if not shared:
        return []
    known = named(tuple(rows))

    def field_of(item: Given) -> str | None:
        row = known.get(item.name.casefold())
        return None if row is None else row.field

    said = {field_of(item) for item in own}
    for alternatives in _ALTERNATIVES:
        if said & alternatives:
            said |= alternatives
    said.discard(None)
    return [item for item in shared if field_of(item) not in said]
