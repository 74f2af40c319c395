"""What the ledger refuses.

Conflict
├── PostedDifferently   the same external fact came again with other entries
└── Overdrawn           an account would turn against its owner
ValueError
└── Unbalanced          entries that do not sum to zero: a mistake in our own code
"""

from marketplace.kernel.errors import N_, Conflict


class PostedDifferently(Conflict):
    code = "posted_differently"
    message = N_("这笔账已入账，内容不一致")


class Overdrawn(Conflict):
    code = "overdrawn"
    message = N_("账户余额不足：%(account)s")


class Unbalanced(ValueError):
    """Entries must be non-zero, at least two, and sum to zero."""
