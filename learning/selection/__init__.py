"""Selection: which records a batch holds, and why each is in it.

`select` follows a policy over `Candidates`. Equal pools, policies and seeds give equal batches,
whatever order or partitions the rows came in.

    tables        candidates from what scoring wrote
    candidates    the pool and what is known of other records, as arrays
    exclusions    who may not be chosen
    scores        signals, and an arm's score made of them
    arms          an arm's picks by its way of being diverse
    rules         limits, near duplicates and guards, asked before each pick
    minima        exchanging picks until every minimum is met
    picks         the orders of what was picked
    findings      composition, gates, shortfalls, alarms
    reasons       the words
"""

from learning.selection.candidates import Candidates, Known
from learning.selection.selecting import Selected, select

__all__ = ["Candidates", "Known", "Selected", "select"]
