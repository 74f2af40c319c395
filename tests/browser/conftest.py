"""A phone with Chromium in front of a running product.

`YINONG_BASE_URL` (with `YINONG_LEAFLET`, its world.json) points at a product that runs already; otherwise
one is started on the `test` world for the whole session. Each person has a phone of his own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.product import running_product

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
PHONE = {"width": 360, "height": 740}
FLAGS = [
    "--no-sandbox", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
AXE = REPOSITORY / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
# A page is waited for, never timed: other tests may have the machine meanwhile.
PATIENCE_MS = 60_000

# What fades has neither of its colours; a spinner turns for ever and is none of these.
STILL = """() => document.getAnimations().every(
    each => each.playState === 'finished' || each.effect.getComputedTiming().endTime === Infinity
)"""
TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"

SignIn = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.processes)


class Site:
    """Where the product answers, and who may sign in."""

    def __init__(self, url: str, leaflet: Path) -> None:
        self.url = url
        self.logins: dict[str, dict[str, str]] = {
            login["role"]: login for login in json.loads(leaflet.read_text(encoding="utf-8"))["logins"]
        }


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if not (REPOSITORY / "frontend" / "dist" / "index.html").is_file():
        pytest.fail("The pages are not built: run `make install`.")
    if url := os.environ.get("YINONG_BASE_URL"):
        yield Site(url, Path(os.environ.get("YINONG_LEAFLET", REPOSITORY / ".data" / "world.json")))
        return
    with running_product(tmp_path_factory.mktemp("product")) as product:
        yield Site(product.url, product.config.leaflet_file)


@pytest.fixture(scope="session")
def base_url(site: Site) -> str:
    return site.url


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": shutil.which("chromium"), "args": FLAGS}


@pytest.fixture
def phone(browser: Browser, site: Site) -> Iterator[Callable[..., BrowserContext]]:
    """Makes phones: a context of its own for each person, zh-CN unless said otherwise."""
    contexts: list[BrowserContext] = []

    def make(locale: str = "zh-CN", service_workers: str = "block") -> BrowserContext:
        context = browser.new_context(
            base_url=site.url,
            viewport=PHONE,  # type: ignore[arg-type]
            locale=locale,
            timezone_id="Asia/Shanghai",
            has_touch=True,
            is_mobile=True,
            service_workers=service_workers,  # type: ignore[arg-type]
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        return context

    expect.set_options(timeout=PATIENCE_MS)
    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def sign_in(phone: Callable[..., BrowserContext], site: Site) -> SignIn:
    """A page on which the world's person of this role is signed in by PIN."""

    def enter(role: str, **options: Any) -> Page:
        login = site.logins[role]
        page = phone(**options).new_page()
        page.goto("/sign-in")
        page.get_by_role("button", name="工号密码").or_(page.get_by_role("button", name="PIN")).click()
        page.locator("input[name=phone]").fill(login["phone"])
        page.locator("input[name=pin]").fill(login["pin"])
        page.locator("button[type=submit]").click()
        expect(page).not_to_have_url(re.compile("/sign-in"))
        return page

    return enter


@pytest.fixture
def accessible() -> Callable[[Page], None]:
    """Fails with what axe-core finds wrong on the page, and when it is wider than the phone."""

    def check(page: Page) -> None:
        expect(page.get_by_role("main")).to_be_visible()
        page.wait_for_load_state("networkidle")
        page.evaluate(TWO_FRAMES)  # by then a dialog that was closed has begun to fade
        page.wait_for_function(STILL)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
        wrong = [
            (violation["id"], [node["html"][:160] for node in violation["nodes"]])
            for violation in found["violations"]
        ]
        assert wrong == [], f"{page.url}: {wrong}"
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0, page.url

    return check
