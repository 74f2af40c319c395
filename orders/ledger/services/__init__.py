"""The ledger's verbs."""

from orders.ledger.services.balances import Balance, StatementLine, balance, statement, trial_balance
from orders.ledger.services.posting import Entry, credit, debit, post, reverse
from orders.ledger.services.settling import owed_or_debt, settle, take_back

__all__ = [
    "Balance",
    "Entry",
    "StatementLine",
    "balance",
    "credit",
    "debit",
    "owed_or_debt",
    "post",
    "reverse",
    "settle",
    "statement",
    "take_back",
    "trial_balance",
]
