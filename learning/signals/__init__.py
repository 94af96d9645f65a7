"""Signals: what is known of each record, as numbers in [0, 1]; `docs/signals.md` lists them.

Pure functions of arrays, named after the signals. None loops over rows; each is linear in them.
"""
