"""Expectations of tables, run by Great Expectations over a part of each table, with results for auditors.

The library takes seconds to import and a second per million rows and ten expectations; it is imported only where it is
used, and sees the newest month of a table, at most :data:`ROWS` rows. Values themselves are in no result.
"""

import html
import json
import os
import shutil
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from assets.installation import Installation
from warehouse.expectations import Expected, Suite, suite_of
from warehouse.policies import ValidationPolicy
from warehouse.schemas import INSTALLATIONS, VEE_EXCEPTIONS, Table

ROWS = 500_000
"""Rows of a table that are looked at, whole meters or points as they lie."""

_STAMP = "%Y-%m-%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one expectation.

    Attributes:
        meaning: What was expected.
        kind: Name of its class in Great Expectations.
        settings: What the class was given.
        holds: Whether it holds.
        rows: Rows looked at.
        against: Rows against it; values are not kept.
    """

    meaning: str
    kind: str
    settings: dict[str, object]
    holds: bool
    rows: int
    against: int


def check_table(house: Installation, table: Table, folder: Path) -> list[Outcome]:
    """Checks the newest month of a table and writes the results.

    Args:
        house: The installation.
        table: The table.
        folder: Where ``<table>.json`` and ``<table>.html`` are written.

    Returns:
        What came of each expectation.
    """
    suite = suite_of(table, house.policy(ValidationPolicy))
    rows, part = _sample(house, table, suite)
    outcomes = _run(suite, rows)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, table, part, outcomes)
    return outcomes


def results_folder(house: Installation, now: datetime) -> Path:
    """A folder for results of now; older ones than the policy keeps are deleted.

    Args:
        house: The installation.
        now: When, UTC.
    """
    above = house.settings.home / "quality"
    limit = (now - timedelta(days=house.policy(ValidationPolicy).quality_results_kept_days)).strftime(_STAMP)
    for folder in sorted(above.glob("*Z")):
        if folder.name < limit:
            shutil.rmtree(folder)
    return above / now.astimezone(UTC).strftime(_STAMP)


def _sample(house: Installation, table: Table, suite: Suite) -> tuple[pl.DataFrame, str]:
    """Rows to be looked at, without cells that an exception excuses, and which part of the table they are."""
    rows, part = house.lake.scan(table), "all rows"
    if table.partition_by == ("month",):
        newest = rows.select(pl.col("month").max()).collect().item()
        if newest is not None:
            rows, part = rows.filter(pl.col("month") == newest), f"month {newest}"
    found = rows.head(ROWS).collect()
    if found.height == ROWS:
        part += f", the first {ROWS} rows"
    if suite.excused and found.height:
        found = _without_excused(house, found, suite)
    return found, part


def _without_excused(house: Installation, rows: pl.DataFrame, suite: Suite) -> pl.DataFrame:
    """Readings without cells that an exception is about, and without all that are judged of meters in their places."""
    at = ["organisation", "meter_id", "measured_at"]
    inside = (pl.col("measured_at") >= pl.col("installed_at")) & (
        pl.col("removed_at").is_null() | (pl.col("measured_at") < pl.col("removed_at"))
    )
    installed = house.lake.scan(INSTALLATIONS).select(*at[:2], "installed_at", "removed_at").collect()
    judged = rows.select(at).join(installed, on=at[:2]).filter(inside).select(at).unique()
    rows = rows.join(judged.with_columns(_judged=pl.lit(value=True)), on=at, how="left", maintain_order="left")
    rows = rows.with_columns(pl.when("_judged").then(pl.col(name)).alias(name) for name in suite.excused)
    known = (
        house.lake.scan(VEE_EXCEPTIONS)
        .filter(pl.col("rule").is_in(sorted(set(suite.excused.values()))))
        .select("organisation", "meter_id", "register", measured_at="at")
        .collect()
    )
    for (register,), excused in known.group_by("register"):
        if register in suite.excused:
            keys = excused.drop("register").unique().with_columns(_excused=pl.lit(value=True))
            rows = rows.join(keys, on=at, how="left", maintain_order="left")
            kept = pl.when(pl.col("_excused").is_null()).then(pl.col(str(register)))
            rows = rows.with_columns(kept.alias(str(register))).drop("_excused")
    return rows.drop("_judged")


def _run(suite: Suite, rows: pl.DataFrame) -> list[Outcome]:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx

        context: Any = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        typed = Expected(
            "ExpectColumnPairValuesToBeInSet",
            {"column_A": "column", "column_B": "type", "value_pairs_set": list(suite.types.items())},
            "Its columns have the declared types.",
        )
        types = pl.DataFrame({"column": rows.columns, "type": [str(dtype) for dtype in rows.dtypes]})
        decimals = [pl.col(name).cast(pl.Float64) for name, dtype in rows.schema.items() if dtype.is_decimal()]
        return [
            *_validate(context, f"{suite.table} types", (typed,), types),
            *_validate(context, suite.table, suite.rows, rows.with_columns(decimals)),
        ]


def _validate(context: Any, name: str, expected: tuple[Expected, ...], rows: pl.DataFrame) -> list[Outcome]:
    import great_expectations as gx
    import great_expectations.expectations as gxe

    suite = context.suites.add(
        gx.ExpectationSuite(name=name, expectations=[getattr(gxe, one.kind)(**one.settings) for one in expected])
    )
    source = context.data_sources.add_pandas(name).add_dataframe_asset("rows")
    batch = source.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": rows.to_pandas()})
    results = batch.validate(suite, result_format="BASIC").results
    told = []
    for one in expected:  # the library gives results in an order of its own
        result = next(found for found in results if _is_of(found, one))
        details = result.result or {}
        against = int(details.get("unexpected_count") or 0)
        told.append(Outcome(one.meaning, one.kind, one.settings, bool(result.success), rows.height, against))
    return told


def _is_of(result: Any, expected: Expected) -> bool:
    """Whether a result is that of an expectation."""
    config = result.expectation_config
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in expected.kind).lstrip("_")
    given = {name: value for name, value in expected.settings.items() if name in ("column", "column_list")}
    return config.type == snake.replace("__", "_") and all(config.kwargs.get(n) == value for n, value in given.items())


def _write(folder: Path, table: Table, part: str, outcomes: list[Outcome]) -> None:
    holds = all(one.holds for one in outcomes)
    told = [
        {
            "meaning": one.meaning,
            "expectation": one.kind,
            "settings": one.settings,
            "holds": one.holds,
            "rows": one.rows,
            "rows_against": one.against,
        }
        for one in outcomes
    ]
    content = {"table": table.name, "part": part, "holds": holds, "expectations": told}
    (folder / f"{table.name}.json").write_text(json.dumps(content, indent=1, default=str) + "\n", encoding="utf-8")
    lines = "".join(
        f"<tr><td>{'holds' if one.holds else '<b>does not hold</b>'}</td><td>{html.escape(one.meaning)}</td>"
        f"<td>{one.rows}</td><td>{one.against}</td></tr>\n"
        for one in outcomes
    )
    page = (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{table.name}</title>"
        f"<h1>{table.name}: {'as expected' if holds else 'not as expected'}</h1>"
        f"<p>{html.escape(table.meaning)} Looked at: {html.escape(part)}, {folder.name}.</p><table>\n"
        f"<tr><th>Result</th><th>Expected</th><th>Rows</th><th>Rows against it</th></tr>\n{lines}</table></html>\n"
    )
    (folder / f"{table.name}.html").write_text(page, encoding="utf-8")
