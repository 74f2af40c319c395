"""Chinese first, English by one tap, kept for the next visit."""

from playwright.sync_api import expect


def test_the_language_is_switched_by_one_tap_and_kept(phone) -> None:
    page = phone().new_page()
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("宜春农产品")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")

    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Produce of Yichun")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Produce of Yichun")

    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("宜春农产品")


def test_the_servers_refusals_come_in_the_language_shown(phone) -> None:
    page = phone(locale="en-GB").new_page()
    page.goto("/sign-in")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.locator("input[name=phone]").fill("12")
    page.get_by_role("button", name="Get a code").click()
    told = page.get_by_role("alert").first
    expect(told).to_be_visible()
    assert told.inner_text().isascii(), told.inner_text()
