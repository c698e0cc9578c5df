"""Ids made one after the other sort in that order: what happened at one moment of the clock is told in its order."""

from backend.core.ids import new_id


def test_ids_of_one_process_sort_as_they_were_made() -> None:
    made = [new_id() for _ in range(5000)]
    assert made == sorted(made)
    assert {each.version for each in made} == {7}
