"""A table of what the corpus tests compared, per file, at the end of the run."""

import pytest

COUNTS = pytest.StashKey[dict[str, tuple[int, int]]]()


class Counts:
    """Cases and those that came out as expected, by file."""

    def __init__(self, table: dict[str, tuple[int, int]]) -> None:
        self._table = table

    def note(self, file: str, cases: int, wrong: int) -> None:
        self._table[file] = (cases, cases - wrong)


@pytest.fixture(scope="session")
def counts(pytestconfig: pytest.Config) -> Counts:
    return Counts(pytestconfig.stash.setdefault(COUNTS, {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    table = config.stash.get(COUNTS, {})
    if not table:
        return
    terminalreporter.section("corpus: cases that decode as expected")
    for file, (cases, right) in table.items():
        terminalreporter.write_line(f"{file:28}{right:6} of {cases}")
