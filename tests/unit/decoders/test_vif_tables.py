"""The tables of value information codes are well formed, and each row names its clause."""

import pytest

from decoders.tables.vif import EXTENSION_FB, EXTENSION_FD, EXTENSION_FDFD, PRIMARY, VIF, VifTable

TABLES = (PRIMARY, EXTENSION_FB, EXTENSION_FD, EXTENSION_FDFD)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.clause)
def test_rows_cover_whole_bit_patterns_once(table: VifTable) -> None:
    seen: set[int] = set()
    for row in table.rows:
        codes = set(range(row.first, row.last + 1))
        varying = row.codes.count("n")
        assert len(codes) == 1 << varying, row
        assert row.first % len(codes) == 0, row
        assert not codes & seen, row
        seen |= codes
    assert max(seen) < 0x80


def test_every_code_names_table_and_row() -> None:
    assert VIF[()][0x13].clause == "EN 13757-3:2018, table 10, primary VIF, E001 0nnn"
    assert VIF[(0x7D,)][0x49].clause == "EN 13757-3:2018, table 12, first extension FD, E100 nnnn"
    clauses = [meaning.clause for meanings in VIF.values() for meaning in meanings.values()]
    assert all("EN 13757-3:2018, table 1" in clause and ", E" in clause for clause in clauses)
