"""Notes on each run that the orchestrator takes in who asked for it, whatever tags the request brings along."""

from dagster import DagsterRun, QueuedRunCoordinator, SubmitRunContext

from pipelines.asking import ASKED_BY_TAG, HEADER, unnamed


class AskedByCoordinator(QueuedRunCoordinator):
    """The orchestrator's own queue; ``dagster.yaml`` names this class."""

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Tags a run and queues it.

        The door names a person in a header. Without it, the daemon asks for the runs of sensors, schedules and
        backfills, and for new attempts at a run, which belong to who asked for the first one.
        """
        run = context.dagster_run
        asked_by = context.get_request_header(HEADER)
        if not asked_by and run.parent_run_id:
            first = self._instance.get_run_by_id(run.parent_run_id)
            asked_by = first.tags.get(ASKED_BY_TAG) if first else None
        self._instance.add_run_tags(run.run_id, {ASKED_BY_TAG: asked_by or unnamed(run.tags)})
        return super().submit_run(context)
