"""The console script."""

import gc

import pytest

from cli.main import COMMANDS, Commands, uncollected


def test_no_garbage_is_looked_for_while_a_command_is_loaded() -> None:
    assert gc.isenabled()
    with uncollected():
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled(), "who switched it off switches it on"
    assert gc.isenabled()


@pytest.mark.parametrize("name", COMMANDS)
def test_help_speaks_of_the_command_alone(name: str) -> None:
    options = {option for parameter in Commands().get_command(None, name).params for option in parameter.opts}
    assert "--install-completion" not in options
