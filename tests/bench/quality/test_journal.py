"""Results survive, also those before a line that was cut short."""

from __future__ import annotations

from pathlib import Path

from bench.quality.journal import Journal


def test_what_was_added_is_found_by_another_run(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    Journal(path).add({"style": "waves", "size": 256, "patch": 0.5})
    again = Journal(path)
    assert again.find({"style": "waves", "size": 256}) == {"style": "waves", "size": 256, "patch": 0.5}
    assert again.find({"style": "waves", "size": 512}) is None


def test_a_line_cut_short_is_dropped_and_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"n": 1}\n{"n": 2, "pa')
    Journal(path).add({"n": 3})
    assert [row["n"] for row in Journal(path).rows] == [1, 3]


def test_without_a_file_rows_are_kept_in_memory() -> None:
    journal = Journal(None)
    journal.add({"n": 1})
    assert journal.rows == [{"n": 1}]
