"""Sensors at work in a test: what they see, and the runs that they ask for."""

import dagster as dg

from assets.resources import InstallationResource
from pipelines.definitions import defs
from tests.integration.installations import House


def glance(
    sensor: dg.SensorDefinition, house: House, cursor: str | None
) -> dg.SensorResult | dg.SkipReason | dg.RunRequest:
    """One look of a sensor, or why it does not look."""
    resource = InstallationResource(home=str(house.installation.settings.home))
    with dg.DagsterInstance.get() as instance:
        built = dg.build_sensor_context(
            instance=instance, cursor=cursor, resources={"installation": resource}, definitions=defs()
        )
        with built as context:
            result = sensor(context)
    assert isinstance(result, dg.SensorResult | dg.SkipReason | dg.RunRequest)
    return result


def look(sensor: dg.SensorDefinition, house: House, cursor: str | None) -> dg.SensorResult:
    """One look of a sensor."""
    result = glance(sensor, house, cursor)
    assert isinstance(result, dg.SensorResult), result
    return result


def carry_out(request: dg.RunRequest) -> dg.DagsterRun:
    """Runs what a sensor asked for; the run as the orchestrator keeps it."""
    tags = {**request.tags, "dagster/run_key": str(request.run_key or "")}
    with dg.DagsterInstance.get() as instance:
        done = (
            defs()
            .resolve_job_def(request.job_name or "ingest")
            .execute_in_process(instance=instance, run_config=request.run_config, tags=tags, raise_on_error=False)
        )
        run = instance.get_run_by_id(done.run_id)
    assert run is not None
    return run
