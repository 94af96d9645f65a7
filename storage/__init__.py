"""PostgreSQL tables and queries, artifacts by digest, archived histories. All SQL is in here.

Functions take a `Connection` and never commit: whoever opened the transaction decides its end.
"""
