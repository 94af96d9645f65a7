"""Ways of picking records that differ: one method a module, arrays in, picks out.

All take `points`, unit or zero rows (n, d) of float32, a `count`, the rows that are `eligible`, and
an `admission` that is asked before each pick and told after it (see `picking`).
"""
