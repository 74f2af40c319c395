"""Hiding what a reader need not see (GB/T 41833-2022: six digits of a phone number). No Django."""


def masked_phone(phone: str) -> str:
    """`"13812345678"` -> `"1******5678"`; shorter numbers keep only their last two digits."""
    if len(phone) < 11:
        return "*" * max(len(phone) - 2, 0) + phone[-2:] if phone else ""
    return phone[:-10] + "*" * 6 + phone[-4:]
