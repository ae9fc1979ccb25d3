"""A run that fails is asked for again, with growing pauses, until one succeeds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.imports import AGAIN_TAG
from pipelines.requests import LONGEST_PAUSE, Cursor, asked, review

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


@dg.op(config_schema={"fail": bool, "again": dg.Noneable(str)})
def work(context: dg.OpExecutionContext) -> None:
    if context.op_config["again"]:
        context.instance.add_run_tags(context.run_id, {AGAIN_TAG: context.op_config["again"]})
    if context.op_config["fail"]:
        raise dg.Failure("the server is away")


@dg.job
def attempt() -> None:
    work()


def run(instance: dg.DagsterInstance, key: str, *, fail: bool, again: str | None = None) -> None:
    attempt.execute_in_process(
        instance=instance,
        tags={"dagster/run_key": key},
        run_config={
            "ops": {"work": {"config": {"fail": fail, "again": again}}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        raise_on_error=False,
    )


def test_a_cursor_survives_its_text() -> None:
    cursor = Cursor("seen", (asked(["a", "b"], "folder", "seen"),))
    assert Cursor.read(cursor.text()) == cursor
    assert Cursor.read(None) == Cursor()


def test_a_failed_run_is_asked_for_again_until_it_succeeds() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        request = asked(["a"], "sftp", "1")
        assert review(instance, [request], NOW) == ([request], []), "nothing has run yet"
        run(instance, request.run_key, fail=True)
        (paused,), again = review(instance, [request], NOW)
        assert again == []
        assert review(instance, [paused], NOW + timedelta(minutes=1)) == ([paused], [])
        (repeated,), again = review(instance, [paused], NOW + timedelta(minutes=3))
        assert again == [repeated]
        assert repeated.run_key != request.run_key
        assert repeated.paths == request.paths
        run(instance, repeated.run_key, fail=False)
        assert review(instance, [repeated], NOW + timedelta(minutes=4)) == ([], [])


def test_pauses_end_at_the_longest_however_often_it_failed() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        request = replace(asked(["a"], "sftp", "1"), tries=5000)
        run(instance, request.run_key, fail=True)
        (paused,), _ = review(instance, [request], NOW)
        assert paused.not_before == (NOW + LONGEST_PAUSE).isoformat()


def test_a_run_says_which_of_its_files_are_worth_another_attempt() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        request = asked(["a", "b", "c"], "import", "1")
        run(instance, request.run_key, fail=True, again="[0, 2]")
        (narrowed,), _ = review(instance, [request], NOW)
        assert narrowed.paths == ("a", "c")
        _, (repeated,) = review(instance, [narrowed], NOW + timedelta(minutes=3))
        assert repeated.paths == ("a", "c")
        run(instance, repeated.run_key, fail=True, again="[]")
        assert review(instance, [repeated], NOW + timedelta(minutes=4)) == ([], []), "nothing to wait for"
