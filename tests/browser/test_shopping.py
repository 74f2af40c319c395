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

    page.go_back()
    ask_for_receipts(page)
    accessible(page)


def ask_for_receipts(page: Page) -> None:
    """On the order's page: a wrong tax number is told at its field, the right one makes the receipts."""
    page.get_by_role("button", name="收据与发票").click()
    page.get_by_role("button", name="单位", exact=True).click()
    page.locator("input[name=title]").fill("宜春某某贸易有限公司")
    page.locator("input[name=taxNumber]").fill("91350100M000100Y44")
    page.get_by_role("button", name="开收据").click()
    expect(page.get_by_text("税号校验位不对")).to_be_visible()
    page.locator("input[name=taxNumber]").fill("91350100M000100Y43")
    page.get_by_role("button", name="开收据").click()
    with page.expect_download() as receipt:
        page.get_by_role("button", name=re.compile("^PDF")).first.click()
    assert receipt.value.suggested_filename.endswith(".pdf")


def test_the_till_is_counted_and_a_difference_needs_a_reason(sign_in, accessible) -> None:
    page = sign_in("information_officer")
    page.goto("/station/till")
    page.locator("input[name=counted]").fill("999.50")
    page.get_by_role("button", name="签字结账").click()
    expect(page.get_by_text("请写明原因")).to_be_visible()
    page.locator("input[name=reason]").fill("早上放了找零")
    page.get_by_role("button", name="签字结账").click()
    accessible(page)
    page.get_by_role("dialog").get_by_role("button", name="签字结账").click()
    expect(page.get_by_test_id("closed")).to_be_visible()
    accessible(page)


def test_the_allergy_lock_is_shown_in_the_cart_and_at_checkout(sign_in, accessible) -> None:
    farmer = list_produce(sign_in("information_officer"))
    page = sign_in("buyer")
    page.goto("/me")
    lock = page.get_by_role("switch", name=re.compile("过敏锁定"))
    lock.click()
    expect(lock).to_have_attribute("aria-checked", "true")
    accessible(page)
    page.goto("/")
    card = page.get_by_role("article").filter(has_text=farmer).first
    card.get_by_role("link", name=PRODUCT).click()
    expect(page.get_by_role("heading", level=1, name=PRODUCT)).to_be_visible()
    page.get_by_role("button", name=re.compile("加入购物车")).click()
    page.wait_for_url("**/cart")
    expect(page.get_by_text("过敏锁定已开").first).to_be_visible()
    page.get_by_role("button", name="选取货点").click()
    expect(page.get_by_test_id("allergy")).to_contain_text("过敏锁定已开")
    accessible(page)
    page.goto("/me")
    lock.click()
    expect(lock).to_have_attribute("aria-checked", "false")


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
