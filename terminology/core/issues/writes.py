"""Messages about resources that clients write: the faults of one, and the obstacles."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.phrases import or_list, quoted, shortened
from terminology.core.issues.severity import error, information
from terminology.core.model import Issue


def store_full() -> Issue:
    text = "There is no room on the disk of the store: nothing was written. Requests that write nothing are answered"
    return error(code="no-store", text=text)


def other_writes(seconds: int) -> Issue:
    text = (
        f"Other writes are going on, and this one has waited {seconds} seconds for them: nothing was written. Please "
        "try again later"
    )
    return error(code="transient", text=text)


# -- the resource --------------------------------------------------------------------------------


def no_resource_to_write(kind: str) -> Issue:
    return error(code="required", text=f"The body must be a {kind} resource, and there is none")


def other_type_to_write(kind: str, type_: object) -> Issue:
    text = f"The body must be a {kind}, as the address says, but its resourceType is {quoted(type_)}"
    return error(code="invalid", text=text, at=["resourceType"])


def wrong_element(at: str, problem: str) -> Issue:
    """``problem``: a sentence about the value, without a full stop."""
    return error(code="invalid", text=f"{at}: {problem}", at=[at])


def wrong_choice(at: str, value: object, choices: Sequence[str]) -> Issue:
    text = f"{at} must be {or_list(choices)}, but is {quoted(value)}"
    return error(code="value", text=text, at=[at])


def element_to_write_missing(at: str) -> Issue:
    return error(code="required", text=f"{at} is missing: a resource is found by it", at=[at])


def bar_in_canonical(at: str) -> Issue:
    text = f"{at} may not have a '|' or a '#', which separate a version and a fragment in a canonical"
    return error(code="invalid", text=text, at=[at])


def repeated_code(at: str, code: str, first: str) -> Issue:
    text = f"The code '{shortened(code)}' stands at {first} already: each code of a code system must be there once"
    return error(code="invariant", text=text, at=[at])


def other_id_to_write(at: str, id_: object, in_address: str) -> Issue:
    text = f"The id must be '{in_address}', as in the address, but is {quoted(id_)}"
    return error(code="invalid", text=text, at=[at])


def bad_id(id_: str) -> Issue:
    text = (
        f"'{shortened(id_)}' cannot be an id: it may have 1 to 64 letters (A to Z), digits, '-' and '.', and may be "
        "neither '.' nor '..'"
    )
    return error(code="invalid", text=text)


def bad_change_reason(longest: int) -> Issue:
    text = f"The reason of a change may have at most {longest:,} characters, in UTF-8 and without control characters"
    return error(code="invalid", text=text)


# -- obstacles ----------------------------------------------------------------------------------


def canonical_in_use(kind: str, canonical: str, ids: Sequence[str], at: str) -> Issue:
    text = (
        f"{canonical} is the canonical of {or_list(f'{kind}/{id_}' for id_ in ids)}: give this one another url or "
        "version, or update that one"
    )
    return error(code="conflict", text=text, at=[at])


def canonical_of_content(kind: str, canonical: str, at: str) -> Issue:
    text = (
        f"{canonical} is the canonical of a {kind} that comes from files, or from an import, which clients cannot "
        "change: give this one another url or version"
    )
    return error(code="conflict", text=text, at=[at])


def content_not_writable(kind: str, id_: str) -> Issue:
    text = f"{kind}/{id_} comes from files, or from an import: clients cannot change or delete it"
    return error(code="conflict", text=text)


def resource_gone(kind: str, id_: str, instant: str) -> Issue:
    text = f"{kind}/{id_} was deleted at {instant}; {kind}/{id_}/_history has its versions"
    return error(code="deleted", text=text)


def version_changed(kind: str, id_: str, condition: str, current: str | None) -> Issue:
    """``condition``: the header with its value; ``current``: the version id, or None if there is no such resource."""
    state = f"is at version {current}" if current is not None else "does not exist"
    return error(code="conflict", text=f"{condition} does not hold: {kind}/{id_} {state}")


def bad_precondition(header: str, value: str) -> Issue:
    text = f'The header {header} must be one version, such as W/"3", but is {quoted(value)}'
    return error(code="invalid", text=text)


def several_matches(kind: str, criteria: str, number: int) -> Issue:
    text = f"{number} resources match {kind}?{shortened(criteria)}: the condition must choose at most one"
    return error(code="multiple-matches", text=text)


def condition_without_criteria(kind: str) -> Issue:
    text = f"The condition has no search parameter: name one, such as {kind}?url=..."
    return error(code="required", text=text)


def no_patch(kind: str, of_rows: str | None) -> Issue:
    """``of_rows``: the operation that changes single rows of such a resource, if there is one."""
    rows = f", or single rows by {kind}/[id]/${of_rows}" if of_rows else ""
    text = (
        f"PATCH is not supported: send the whole {kind} by PUT {kind}/[id], with If-Match so that no change of others "
        f"is lost{rows}"
    )
    return error(code="not-supported", text=text)


def id_of_other_match(kind: str, id_: str, match: str) -> Issue:
    text = f"The condition chooses {kind}/{match}, but the resource has the id '{shortened(id_)}'"
    return error(code="conflict", text=text)


# -- transactions --------------------------------------------------------------------------------


def entry_not_for_transaction(method: str, path: str) -> Issue:
    text = f"{method} {shortened(path)} cannot be a part of a transaction: it can be sent in a batch, or by itself"
    return error(code="not-supported", text=text)


def entry_twice(kind: str, id_: str) -> Issue:
    return error(
        code="invalid", text=f"Another entry writes {kind}/{id_}, too: a transaction writes a resource once"
    )


def transactions_off() -> Issue:
    text = "POST [base] takes a Bundle of type 'batch', not of type 'transaction': clients can write nothing"
    return error(code="not-supported", text=text)


# -- the deed ------------------------------------------------------------------------------------


def change_of_resource(
    method: str, kind: str, id_: str, version: int, author: str, reason: str | None
) -> Issue:
    """``method``: POST, PUT or DELETE."""
    deed = {"POST": "Created", "PUT": "Updated", "DELETE": "Deleted"}.get(method, method)
    because = f": {shortened(reason)}" if reason else ""
    return information(
        code="informational", text=f"{deed} as {kind}/{id_}, version {version}, by {author}{because}"
    )


# -- rows of a map -------------------------------------------------------------------------------


def _row(code: str, target: str | None) -> str:
    return f"a row from '{shortened(code)}' to " + (
        "no target" if target is None else f"'{shortened(target)}'"
    )


def row_there_already(at: str, code: str, target: str | None) -> Issue:
    return error(code="conflict", text=f"The map has {_row(code, target)} already: 'change' it", at=[at])


def row_not_there(at: str, code: str, target: str | None) -> Issue:
    return error(code="not-found", text=f"The map does not have {_row(code, target)}", at=[at])


def row_of_several_groups(at: str) -> Issue:
    text = "The row fits several groups of the map: name the code systems of source and target"
    return error(code="required", text=text, at=[at])


def row_without_systems(at: str) -> Issue:
    text = (
        "The map has no group for this row: name the code systems of source and target, and a group is made"
    )
    return error(code="required", text=text, at=[at])


def row_without_relationship(at: str) -> Issue:
    return error(
        code="required", text="A row that is added needs a 'relationship' (R4: 'equivalence')", at=[at]
    )


def bad_row(at: str, problem: str) -> Issue:
    """``problem``: a sentence about the row, without a full stop."""
    return error(code="invalid", text=problem, at=[at])


def rows_missing() -> Issue:
    text = "There is no row: send parameters 'row' with parts, or a table as text/csv"
    return error(code="required", text=text, at=["Parameters.parameter"])
