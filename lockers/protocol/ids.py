"""Message ids: ULIDs (48 bits of milliseconds, 80 random bits, Crockford base 32), sortable by time."""

import secrets
from datetime import datetime

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_mid(at: datetime) -> str:
    """A fresh id of 26 characters; `at` only makes ids sort well."""
    value = (max(0, int(at.timestamp() * 1000)) & (2**48 - 1)) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))
