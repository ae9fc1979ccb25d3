"""The console script."""

import gc

from cli.main import uncollected


def test_no_garbage_is_looked_for_while_a_command_is_loaded() -> None:
    assert gc.isenabled()
    with uncollected():
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled(), "who switched it off switches it on"
    assert gc.isenabled()
