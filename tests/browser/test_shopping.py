"""A village sells, a town buys: through the pages of a phone, to the gateway's own page and back."""

import re

from playwright.sync_api import Page, expect

PRODUCT = "奉新大米"


def list_produce(page: Page) -> str:
    """The station's officer lists a farmer's rice for him; gives the farmer's name."""
    page.goto("/station/sell")
    farmer = page.get_by_label("农户", exact=True)
    farmer.select_option(index=1)
    name = farmer.locator("option:checked").inner_text()
    page.get_by_label("商品", exact=True).select_option(label=PRODUCT)
    page.locator("input[name=amount]").fill("40")
    page.locator("input[name=price]").fill("39")
    page.get_by_role("button", name="上架").click()
    page.wait_for_url("**/station/lots")
    expect(page.get_by_role("heading", name=PRODUCT).first).to_be_visible()
    return name


def pay(page: Page) -> None:
    """At the simulated gateway's own page."""
    page.locator("button[name=action][value=pay]").click()


def test_from_the_shop_window_to_a_paid_order(sign_in, accessible) -> None:
    farmer = list_produce(sign_in("information_officer"))
    page = sign_in("buyer")

    page.goto("/")
    page.get_by_role("searchbox").fill(PRODUCT)
    page.get_by_role("button", name="搜索").click()
    card = page.get_by_role("article").filter(has_text=farmer).first
    expect(card).to_contain_text("¥39.00/件")
    accessible(page)
    card.get_by_role("link", name=PRODUCT).click()
    expect(page.get_by_role("heading", level=1, name=PRODUCT)).to_be_visible()
    accessible(page)
    page.get_by_role("button", name=re.compile("加入购物车")).click()

    page.wait_for_url("**/cart")
    expect(page.get_by_text("¥39.00").first).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="选取货点").click()

    places = page.get_by_role("radiogroup", name="在哪里取货")
    expect(places.get_by_role("radio", checked=True)).to_be_visible()
    accessible(page)
    agreed = page.get_by_test_id("total").inner_text()
    page.get_by_role("button", name="去支付").click()

    page.wait_for_url(re.compile(r"^(?!.*/checkout)"))
    pay(page)
    page.wait_for_url("**/orders/*")
    expect(page.get_by_test_id("order-stage")).to_have_attribute("data-status", "paid")
    expect(page.locator("dl").get_by_text(agreed).first).to_be_visible()
    accessible(page)

    page.goto("/orders")
    expect(page.get_by_role("link").filter(has_text=PRODUCT).first).to_contain_text("已付款")


def test_who_is_not_signed_in_may_look_but_is_asked_before_buying(phone, accessible) -> None:
    page = phone().new_page()
    page.goto("/")
    accessible(page)
    page.goto("/cart")
    expect(page).to_have_url(re.compile(r"/sign-in\?next=/cart"))
    accessible(page)


def test_a_wrong_pin_is_told_in_words(phone, site) -> None:
    page = phone().new_page()
    page.goto("/sign-in")
    page.get_by_role("button", name="工号密码").click()
    page.locator("input[name=phone]").fill(site.logins["courier"]["phone"])
    page.locator("input[name=pin]").fill("13572468"[:6])
    page.locator("button[type=submit]").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    expect(page).to_have_url(re.compile("/sign-in"))
