"""Who and what: meters, points, installations, customers, groups, keys, landed files and the audit log.

A small transactional database that people change. Its non-secret tables are published to the lake with each change;
nothing here knows the lake.
"""
