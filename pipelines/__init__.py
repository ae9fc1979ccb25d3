"""Runs the graph: definitions, jobs, schedules and sensors."""
