"""Paying like a browser does: follow the pay link, press the button, follow the way back."""

from html.parser import HTMLParser

import httpx

TIMEOUT_S = 30.0


class CannotPay(Exception):
    """The page shows no way to pay."""


class _Form(HTMLParser):
    """Finds the buttons of the page's one form."""

    def __init__(self) -> None:
        super().__init__()
        self.buttons: list[tuple[str, str]] = []
        self.method = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form":
            self.method = (found.get("method") or "get").lower()
        if tag == "button" and found.get("type") == "submit":
            self.buttons.append((found.get("name") or "", found.get("value") or ""))


class Cashier:
    """The browser of somebody who pays by Alipay."""

    def __init__(self) -> None:
        self._http = httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=True)

    async def close(self) -> None:
        await self._http.aclose()

    async def pay(self, pay_url: str, *, agree: bool = True) -> bool:
        """Press "pay" (or "refuse"). False when the page has been dealt with before. Raises CannotPay.

        What comes back to the shop proves nothing: whether it is paid is asked of the API.
        """
        shown = await self._http.get(pay_url)
        form = _Form()
        form.feed(shown.text)
        if shown.status_code != 200:
            raise CannotPay(f"HTTP {shown.status_code}")
        if not form.buttons:
            return False
        button = ("action", "pay" if agree else "refuse")
        if form.method != "post" or button not in form.buttons:
            raise CannotPay(f"no such button: {button}")
        answer = await self._http.post(shown.url, data=dict([button]))
        if answer.status_code >= 400:
            raise CannotPay(f"HTTP {answer.status_code} after pressing {button[1]}")
        return True
