"""Every role's pages open on a phone, say something, and are clean for axe."""

import pytest
from playwright.sync_api import expect

PAGES = {
    "buyer": [
        "/", "/cart", "/checkout", "/orders", "/me", "/me/consents", "/me/notices", "/money", "/claims",
        "/fees", "/pay/browser",
    ],
    "information_officer": [
        "/station", "/station/sell", "/station/lots", "/station/buy", "/station/people", "/station/pack",
        "/station/shelves", "/station/till", "/station/short/01900000-0000-7000-8000-000000000000",
        "/returns", "/invoices",
    ],
    "courier": ["/courier"],
    "hub_operator": ["/hub"],
    "dispatcher": ["/dispatch", "/dispatch/roads", "/dispatch/waybills"],
    "cabinet_operator": [
        "/cabinets", "/cabinets/fleet", "/cabinets/tasks", "/cabinets/use", "/cabinets/breaches",
        "/cabinets/import", "/cabinets/devices", "/cabinets/rules",
    ],
    "county_reviewer": ["/siting"],
    "platform": ["/books", "/returns", "/invoices"],
    "tester": ["/tester"],
}  # fmt: skip


#: English words are the longer ones: the roles with most pages show whether they fit
SHOWN = [(role, "zh-CN") for role in PAGES] + [
    ("buyer", "en-GB"),
    ("information_officer", "en-GB"),
    ("cabinet_operator", "en-GB"),
    ("platform", "en-GB"),
]


@pytest.mark.parametrize(("role", "locale"), SHOWN)
def test_pages_of(role: str, locale: str, sign_in, accessible) -> None:
    page = sign_in(role, locale=locale)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    for path in PAGES[role]:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).not_to_be_empty()
        accessible(page)
        expect(page.get_by_role("alert")).to_have_count(0)
    assert troubles == []


def test_a_page_of_another_role_stays_shut(sign_in) -> None:
    page = sign_in("courier")
    page.goto("/station")
    expect(page.get_by_role("heading", level=1)).to_have_text("没有权限")


def test_the_shop_works_by_keyboard_alone(phone) -> None:
    page = phone().new_page()
    page.goto("/")
    expect(page.get_by_role("searchbox")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("没有这样的东西")
    page.keyboard.press("Enter")
    expect(page.get_by_text("没有找到")).to_be_visible()
