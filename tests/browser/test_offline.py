"""A station goes on without its network, and nothing is done twice."""

import re

from playwright.sync_api import Page, expect


def register(page: Page, name: str) -> None:
    page.get_by_role("button", name="登记村民").click()
    page.locator("input[name=name]").fill(name)
    page.get_by_role("button", name="登记", exact=True).click()


def test_acts_wait_on_the_device_and_go_out_once_the_network_is_back(sign_in, accessible) -> None:
    page = sign_in("information_officer")
    page.goto("/station/people")
    page.get_by_role("button", name="村民", exact=True).click()
    expect(page.get_by_role("listitem").first).to_be_visible()
    before = page.get_by_role("listitem").count()

    page.context.set_offline(True)
    for name in ("程秀兰", "程秀英"):
        register(page, name)
        expect(page.get_by_text("已存下，联网后自动发送")).to_be_visible()
    expect(page.get_by_text("2 项等待发送")).to_be_visible()
    accessible(page)

    page.context.set_offline(False)
    expect(page.get_by_text("项等待发送")).to_have_count(0)
    page.goto("/sync")
    expect(page.get_by_role("status").first).to_have_text(re.compile("已发送 2，等待 0，需要处理 0"))
    accessible(page)

    page.goto("/station/people")
    page.get_by_role("button", name="村民", exact=True).click()
    expect(page.get_by_role("listitem")).to_have_count(before + 2)


def test_the_board_opens_without_a_network_from_the_phones_own_copy(sign_in) -> None:
    page = sign_in("information_officer", service_workers="allow")
    page.goto("/station")
    expect(page.get_by_text("备用金")).to_be_visible()
    page.evaluate("navigator.serviceWorker.ready")
    page.reload()
    expect(page.get_by_text("备用金")).to_be_visible()

    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_text("备用金")).to_be_visible()
    expect(page.get_by_text(re.compile("没有网络，显示的是"))).to_be_visible()
