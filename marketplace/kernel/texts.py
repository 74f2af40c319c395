"""Texts that people write."""

from marketplace.kernel.errors import N_, InvalidInput


def require_text(value: str, *, most: int, field: str) -> str:
    """`value` without the blanks around it, when 1 to `most` letters are left; else InvalidInput naming both.

    Nothing is cut silently: what does not fit is for its writer to shorten.
    """
    text = value.strip()
    if not 1 <= len(text) <= most:
        raise InvalidInput(N_("应为 1 到 %(most)s 个字"), field=field, params={"most": most})
    return text
