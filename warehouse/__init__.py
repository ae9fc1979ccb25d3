"""What is stored and how it is reckoned: table schemas, the lake, transforms and queries.

Nothing here moves bytes in or out, knows a key, or knows the orchestrator.
"""
