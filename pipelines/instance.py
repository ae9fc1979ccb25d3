"""The orchestrator's own storage inside an installation."""

from pathlib import Path

CONFIG = """\
storage:
  custom:
    module: pipelines.storage
    class: KeptStorage
    config:
      base_dir:
        env: DAGSTER_HOME
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 2
run_coordinator:
  module: pipelines.coordinator
  class: AskedByCoordinator
run_monitoring:
  enabled: true
"""


def prepare_instance(folder: Path) -> None:
    """Makes the folder that ``DAGSTER_HOME`` names, with its configuration.

    Args:
        folder: The folder; an existing configuration stays as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "dagster.yaml"
    if not config.exists():
        config.write_text(CONFIG, encoding="utf-8")
