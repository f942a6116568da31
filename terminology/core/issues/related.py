"""Messages of $related."""

from __future__ import annotations

from collections.abc import Sequence

# The reasons why a value set has no expansion, and those why its expansion may lack codes.
Doubts = tuple[Sequence[str], Sequence[str]]

# HL7's sentences, by the result. Each names this value set, and then the other.
_SENTENCES = {
    "same": "The value sets {} and {} contain the same codes",
    "subset": "The valueSet {} is a sub-set of the valueSet {}",
    "superset": "The valueSet {} is a super-set of the valueSet {}",
    "overlapping": "Both value sets {} and {} contain the codes the other doesn't, but there is some overlap",
    "disjoint": "No shared codes between the value sets {} and {}",
    "empty": "Both the value sets {} and {} are empty",
    "indeterminate": "Unable to compare {} and {}",
}


def value_set_relation(result: str, this: str, other: str) -> str:
    """``result``: the relation of this value set to the other; both are named by their canonicals."""
    return _SENTENCES[result].format(this, other)


def value_set_relation_unknown(this: str, other: str, own: Doubts, others: Doubts) -> str:
    """``own`` and ``others``: why the codes of this value set, and of the other, are not known."""
    doubts = (
        [("Both", "s", "are", own)]
        if own == others
        else [("This", "", "is", own), ("Other", "", "is", others)]
    )
    sentences: list[str] = []
    for name, plural, verb, (failures, gaps) in doubts:
        if failures:
            sentences.append(f"{name} expansion{plural} failed: {'; '.join(failures)}")
        if gaps:
            reasons = "; ".join(filter(None, gaps))
            sentences.append(
                f"{name} expansion{plural} {verb} unclosed" + (f": {reasons}" if reasons else "")
            )
    text = value_set_relation("indeterminate", this, other)
    return f"{text}: {'. '.join(sentences)}" if sentences else text


# -- our own texts -------------------------------------------------------------------------------


def expressions_are_not_compared() -> str:
    return "Codes that are made of others (expressions) are members that no list has; they are not compared"


def codes_are_cut(name: str, limit: int, total: int) -> str:
    """``name``: the list that has the first codes only."""
    return f"'{name}' has the first {limit:,} of {total:,} codes"


def codes_are_not_listed(reason: str) -> str:
    """``reason``: a sentence."""
    return f"The codes are not listed: {reason}"
