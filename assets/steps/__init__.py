"""The work of the assets as plain functions of an installation: read, call the core, write, report.

They know neither the orchestrator nor the clock; the assets beside this package hand them the instant.
"""
