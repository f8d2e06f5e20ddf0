"""Ids: what is made later sorts later."""

from __future__ import annotations

from wf_notebook.ids import SystemIds


def test_run_ids_sort_as_they_were_made() -> None:
    """In one millisecond, too, and while the clock is set back."""
    ids = SystemIds()
    made = [ids.run_id(time_us) for time_us in (0, 0, 0, 5_000, 5_000, 1_000, 1_000, 9_000)]
    assert made == sorted(set(made))
    assert {len(run_id) for run_id in made} == {31}
