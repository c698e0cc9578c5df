"""GB 50440 Appendix A: every wire form of every row gives its class, rule and item, and its end is seen."""

import re
from pathlib import Path

import pytest

from backend.monitoring import appendix_a
from backend.monitoring.appendix_a import ROWS, Form, case_id, ended, found
from backend.monitoring.model import AnalogSaid, StateSaid

PAGE = Path(__file__).parents[3] / "docs" / "appendix-a-coverage.md"
FORMS = [pytest.param(form, id=case_id(row, form)) for row in ROWS for form in row.forms]
#: the extract's rows, section 1
ROW_IDS = """A1.1 A1.2 A1.3 A1.4 A1.5 A2.1 A2.2 A2.3 A3.1 A3.2 A3.3 A3.4 A3.5 A3.6 A3.7 A4.1 A4.2 A4.3 A4.4 A4.5
    A5.1 A5.2 A5.3 A5.4 A5.5 A5.6 A6.1 A6.2 A6.3 A7.1 A8.1 A8.2 A8.3 A9.1 A9.2 A10.1 A11.1 A12.1 A13.1 A14.1 A15.1"""


@pytest.mark.clause("4.1.1")
@pytest.mark.parametrize("form", FORMS)
def test_a_wire_form_gives_its_class_rule_and_item_and_nothing_else(form: Form) -> None:
    for said in form.cases:
        told = [(str(each.condition.alarm_class), each.rule, each.condition.item) for each in found(form, said)]
        assert told == ([(form.alarm_class, form.rule, form.item)] if form.alarm_class else [])


@pytest.mark.clause("4.1.1")
@pytest.mark.parametrize("form", FORMS)
def test_the_return_to_normal_ends_what_a_wire_form_began(form: Form) -> None:
    for said in form.cases:
        for standing in found(form, said):
            assert ended(form, said, standing.key)


@pytest.mark.parametrize("form", FORMS)
def test_a_state_that_lasts_does_not_end(form: Form) -> None:
    for said in form.cases:
        if isinstance(said, StateSaid):
            again = Form(**{**_fields(form), "back": StateSaid(subject=said.subject, state=said.state)})
        elif isinstance(said, AnalogSaid):
            again = Form(**{**_fields(form), "back": said})
        else:
            continue
        assert not any(ended(again, said, standing.key) for standing in found(form, said))


def _fields(form: Form) -> dict[str, object]:
    return {name: getattr(form, name) for name in form.__struct_fields__}


def test_every_row_of_part_1_is_covered_once_and_in_order() -> None:
    assert [row.id for row in ROWS] == ROW_IDS.split()


def test_every_item_of_4_3_2_has_a_wire_form() -> None:
    assert {form.item for row in ROWS for form in row.forms} == {None, *"abcdef"}


def test_the_coverage_page_is_current_and_has_no_failure() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == appendix_a.matrix()
    assert re.search(r", 0 failed\.\n$", page)
