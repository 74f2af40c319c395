"""Paying like a browser does: follow the pay link, press the button, follow the way back."""

from html.parser import HTMLParser

import httpx

from marketplace.simulation.day.patience import GATEWAY_ERRORS, PATIENCE_S, Away, patiently

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
    """The browser of somebody who pays by Alipay, and who loads a page again that did not come."""

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        self._http = httpx.AsyncClient(timeout=TIMEOUT_S)
        self._patience_s = patience_s

    async def close(self) -> None:
        await self._http.aclose()

    async def pay(self, pay_url: str, *, agree: bool = True) -> bool:
        """Press "pay" (or "refuse"). False when the page has been dealt with before. Raises CannotPay.

        What comes back to the shop proves nothing: whether it is paid is asked of the API.
        """

        async def once() -> bool:
            return await self._press(pay_url, "pay" if agree else "refuse")

        return await patiently(once, again=_again, patience_s=self._patience_s)

    async def _press(self, pay_url: str, choice: str) -> bool:
        """Safe to repeat: a page whose button was pressed shows none any more."""
        shown = await self._load("GET", pay_url)
        if shown.status_code != 200:
            raise CannotPay(f"HTTP {shown.status_code}")
        form = _Form()
        form.feed(shown.text)
        if not form.buttons:
            return False
        button = ("action", choice)
        if form.method != "post" or button not in form.buttons:
            raise CannotPay(f"no such button: {button}")
        answer = await self._load("POST", shown.url, data=dict([button]))
        if answer.status_code >= 400:
            raise CannotPay(f"HTTP {answer.status_code} after pressing {choice}")
        return True

    async def _load(
        self, method: str, url: str | httpx.URL, data: dict[str, str] | None = None
    ) -> httpx.Response:
        answer = await self._http.request(method, url, data=data, follow_redirects=True)
        if answer.status_code in GATEWAY_ERRORS:
            raise Away(f"{answer.url}: HTTP {answer.status_code}")
        return answer


def _again(error: Exception) -> bool:
    return isinstance(error, httpx.TransportError | Away)
