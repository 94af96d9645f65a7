"""Documents that people write and approve: read, checked, written out again."""
