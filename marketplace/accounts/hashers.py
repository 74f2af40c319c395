"""How PINs are kept."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class PinHasher(PBKDF2PasswordHasher):
    """PBKDF2 with 30,000 rounds (about 8 ms).

    A PIN has a million values at most: no number of rounds keeps whoever stole the table from trying them
    all. What protects it is the limit on tries at sign-in; few rounds keep one request from costing a second.
    """

    algorithm = "pbkdf2_sha256_pin"
    iterations = 30_000
