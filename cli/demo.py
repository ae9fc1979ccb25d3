"""``demo``: the main job on shipped samples."""


def demo() -> None:
    """Runs the main job on a simulated fleet, ending with a report."""
