"""The cursor: every file once, when complete; bounded however many files lie there."""

import random
from dataclasses import dataclass, replace

import pytest

from connectors.cursor import Cursor, is_finished_name

DAY = 86_400.0


@dataclass(frozen=True)
class Entry:
    key: str
    size: int = 1
    mtime: float = 0.0


def look(cursor: str | None, files: list[Entry], exact: int = 1000) -> tuple[list[str], str]:
    found, following = Cursor.load(cursor).look(files, exact)
    return [file.key for file in found], following.dump()


def test_a_file_is_offered_once_at_the_second_look():
    files = [Entry("b", mtime=2.0), Entry("a", mtime=3.0), Entry("c", mtime=1.0)]
    found, cursor = look(None, files)
    assert found == []
    found, cursor = look(cursor, files)
    assert found == ["c", "b", "a"]
    assert look(cursor, files)[0] == []


@pytest.mark.parametrize("change", [{"size": 2}, {"mtime": 0.5}, {"key": "renamed"}])
def test_a_change_starts_anew(change: dict):
    file = Entry("a")
    changed = replace(file, **change)
    _, cursor = look(None, [file])
    found, cursor = look(cursor, [changed])
    assert found == []
    found, cursor = look(cursor, [changed])
    assert found == [changed.key]


def test_files_that_are_gone_are_forgotten():
    files = [Entry(str(n)) for n in range(500)]
    _, cursor = look(None, files)
    _, cursor = look(cursor, files)
    assert len(cursor) > 500 * 8
    assert look(cursor, [])[1] == look(None, [])[1]


def test_an_older_file_that_comes_late_is_found():
    new = [Entry("new", mtime=1000 * DAY)]
    _, cursor = look(None, new)
    _, cursor = look(cursor, new)
    late = [*new, Entry("late", mtime=DAY)]
    _, cursor = look(cursor, late)
    assert look(cursor, late)[0] == ["late"]


def test_past_days_are_folded_and_still_known():
    files = [Entry(f"{n}", mtime=n * DAY / 100) for n in range(10_000)]
    _, cursor = look(None, files, 300)
    found, cursor = look(cursor, files, 300)
    assert len(found) == 10_000
    assert len(cursor) < 10_000
    for _ in range(3):
        random.Random(1).shuffle(files)
        found, cursor = look(cursor, files, 300)
        assert found == []


@pytest.mark.parametrize("change", ["come", "gone"])
def test_a_folded_day_that_changes_is_offered_again_and_no_other(change: str):
    files = [Entry(f"{n}", mtime=n * DAY / 10) for n in range(100)]
    _, cursor = look(None, files, 10)
    _, cursor = look(cursor, files, 10)
    files = [*files, Entry("late", mtime=5 * DAY)] if change == "come" else [f for f in files if f.key != "55"]
    _, cursor = look(cursor, files, 10)
    found, cursor = look(cursor, files, 10)
    assert set(found) == {file.key for file in files if file.mtime // DAY == 5}
    assert look(cursor, files, 10)[0] == []


def test_the_newest_day_is_never_folded():
    files = [Entry(f"{n}", mtime=float(n)) for n in range(100)]
    _, cursor = look(None, files, 10)
    _, cursor = look(cursor, files, 10)
    files.append(Entry("next", mtime=200.0))
    _, cursor = look(cursor, files, 10)
    assert look(cursor, files, 10)[0] == ["next"]


@pytest.mark.parametrize("text", ["", "null", "[]", "nonsense", '{"seen": "%"}', '{"seen": 5}', '{"seen": "AAAA"}'])
def test_what_is_no_cursor_starts_afresh(text: str):
    assert look(text, [Entry("a")]) == look(None, [Entry("a")])


@pytest.mark.parametrize(
    ("name", "finished"),
    [("a.csv", True), ("day/a", True), ("a.CSV.Part", False), ("a.tmp", False), ("x/.a", False), (".x/a", False)],
)
def test_finished_names(name: str, finished: bool):
    assert is_finished_name(name) is finished
