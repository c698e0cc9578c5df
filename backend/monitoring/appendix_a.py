"""The coverage of GB 50440 Appendix A, part 1: row x wire form x class x rule (extract, 8). Pure.

`python -m backend.monitoring.appendix_a` prints the matrix that stands in docs/appendix-a-coverage.md; what it
says of each form is what the rules answer now, not what somebody wrote.
"""

import sys
from typing import Final

from backend.monitoring.appendix_a_rows import ROWS, Form, Row
from backend.monitoring.model import AnalogSaid, OperationSaid, Statement, StateSaid
from backend.monitoring.rules import (
    ANALOG_KEYS,
    Standing,
    ended_by,
    events_of_operation,
    is_reset,
    reset_ends,
    standing_of_analog,
    standing_of_state,
)

__all__ = ["ROWS", "Form", "Row", "ended", "failures", "found", "matrix"]

#: every operation form is ended by this flag, the panel's reset (O-2)
_RESET_FLAGS: Final = 1

_HEAD: Final = """\
# Coverage of GB 50440 Appendix A, part 1

Made by `python -m backend.monitoring.appendix_a` from the rules themselves; a test fails when this page is not current.
Each wire form is one parametrised case of `tests/unit/monitoring/test_appendix_a.py` (its id is given): every code and
bit of the form gives the class, the rule and the item of CQC/SC 11002 4.3.2 named here, and the return to normal
ends it. Evidence: S supported by a readable source, P partly, R recalled and **still to be checked against the
standard's text**.

Codes: `s` system type, `p` part type, `a` analog type, `b` state bit. Classes: F fire, G release, A abnormal, X fault,
C communication, I information (in lists, no alarm).

| row | ev. | system | item | wire form | cases | class | rule | 4.3.2 | test id | result | note |
|---|---|---|---|---|---:|---|---|---|---|---|---|
"""


def found(form: Form, said: Statement) -> tuple[Standing, ...]:
    """What the rules find in one statement of a form, with the point table's words that the form brings."""
    if isinstance(said, StateSaid):
        return standing_of_state(said, role=form.role, closed_means=form.closed_means)
    if isinstance(said, AnalogSaid):
        return standing_of_analog(said, form.limits)
    if isinstance(said, OperationSaid):
        return events_of_operation(said)
    return ()


def ended(form: Form, said: Statement, key: str) -> bool:
    """Whether the return to normal ends the condition `key` that a statement of this form began."""
    if isinstance(said, AnalogSaid) and isinstance(form.back, AnalogSaid):
        left = standing_of_analog(form.back, form.limits, active=frozenset({key}))
        return key in ANALOG_KEYS - {each.key for each in left}
    if isinstance(said, StateSaid):
        state = form.back.state if isinstance(form.back, StateSaid) else 0
        back = StateSaid(subject=said.subject, state=state)
        return key in ended_by(back, role=form.role, closed_means=form.closed_means)
    if isinstance(said, OperationSaid):
        reset = is_reset(OperationSaid(subject=said.subject, flags=_RESET_FLAGS, operator=0))
        return reset is not None and reset_ends(reset, said.subject, key)
    return False


def failures(form: Form) -> tuple[Statement, ...]:
    """The statements of a form that the rules do not judge as the form says, or whose end is not seen."""
    return tuple(said for said in form.cases if not _holds(form, said))


def _holds(form: Form, said: Statement) -> bool:
    findings = found(form, said)
    if not form.alarm_class:
        return not findings
    told = [(each.condition.alarm_class, each.rule, each.condition.item) for each in findings]
    return told == [(form.alarm_class, form.rule, form.item)] and ended(form, said, findings[0].key)


def case_id(row: Row, form: Form) -> str:
    """The name of a form's test case: the row and the place of the form in it."""
    return f"{row.id}-{row.forms.index(form) + 1}"


def matrix() -> str:
    """The coverage matrix as Markdown."""
    lines = [_line(row, form) for row in ROWS for form in row.forms]
    cases = sum(len(form.cases) for row in ROWS for form in row.forms)
    failed = sum(len(failures(form)) for row in ROWS for form in row.forms)
    return f"{_HEAD}{''.join(lines)}\n{len(ROWS)} rows, {len(lines)} wire forms, {cases} cases, {failed} failed.\n"


def _line(row: Row, form: Form) -> str:
    cells = (
        row.id,
        row.evidence,
        row.system,
        row.item,
        form.wire,
        str(len(form.cases)),
        form.alarm_class or "-",
        form.rule or "-",
        form.item or "",
        case_id(row, form),
        "failed" if failures(form) else "passed",
        "; ".join(part for part in (form.note, "text to be checked" if row.evidence == "R" else "") if part),
    )
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    sys.stdout.write(matrix())
