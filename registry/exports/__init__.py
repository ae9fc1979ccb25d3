"""What the registry keeps of exports: formats and destinations of an organisation's own, jobs, and their runs.

Documents are texts here; what they mean, and whether they hold, is for :mod:`exports`, :mod:`connectors` and
:mod:`assets.steps.export_settings`, which ask.
"""
