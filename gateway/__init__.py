"""The one door: sign-in, sessions, routes to pages, API and the Dagster UI."""
