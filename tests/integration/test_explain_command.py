"""``meterhouse decode --explain``: pages for people, the same as kept."""

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cli.decode import decode
from cli.explain import WIDTHS, explanations
from decoders.framefiles import read_telegrams

KEPT = Path(__file__).parent / "explained"
FRAMES = KEPT / "telegrams.jsonl"

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(decode)


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments), "--explain"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_pages_are_as_kept(tmp_path: Path) -> None:
    """To keep new pages: ``meterhouse decode --explain tests/…/telegrams.jsonl --out tests/…/pages.txt``."""
    pages = (KEPT / "pages.txt").read_text(encoding="utf-8")
    assert run(FRAMES) == pages
    assert run(FRAMES, "--out", tmp_path / "pages.txt") == ""
    assert (tmp_path / "pages.txt").read_text(encoding="utf-8") == pages


def test_pages_fit_their_width() -> None:
    lines = run(FRAMES).splitlines()
    assert max(map(len, lines)) <= sum(WIDTHS) + 2 * (len(WIDTHS) - 1) == 120
    assert not any(line.endswith(" ") for line in lines)


def test_keys_come_from_a_file_and_are_not_shown(tmp_path: Path) -> None:
    bare = tmp_path / "frames.hex"
    telegrams = read_telegrams(FRAMES.read_bytes(), FRAMES.name)
    case = telegrams.row(2, named=True)
    bare.write_text(case["frame"].hex(), encoding="utf-8")
    keys = tmp_path / "keys.csv"
    keys.write_text(f"manufacturer,serial,key\nSEN,61909462,{case['key'].hex()}\n", encoding="utf-8")
    assert "no_key" in run(bare)
    page = run(bare, "--keys", keys)
    assert "→ volume_m3 = 0.006" in page
    assert case["key"].hex() not in page.replace(" ", "")


def test_colour_is_for_terminals() -> None:
    rows = read_telegrams(FRAMES.read_bytes(), FRAMES.name)
    plain, coloured = explanations(rows, {}, colour=False), explanations(rows, {}, colour=True)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9]+m", "", coloured) == plain
    red = [line for line in coloured.splitlines() if line.startswith("\x1b[31m")]
    assert any("WRONG" in line for line in red)


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["constructed", "reencoded", "wmbus", "mbus", "must_reject", "lorawan"])
def test_the_corpus_has_its_pages(corpus: Path, name: str) -> None:
    file = corpus / f"{name}.jsonl"
    pages = run(file)
    assert pages.count("\nline ") + 1 == len(file.read_text(encoding="utf-8").splitlines())
    assert max(map(len, pages.splitlines())) <= 120


def test_feeds_of_receivers_are_explained(corpus: Path) -> None:
    assert "sync word" in run(corpus / "feeds" / "c_mode_fifo.hex")
