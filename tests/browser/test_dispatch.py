"""A dispatcher plans, sees the map, adds an urgent stop knowing what it does, undoes it, plans every hub."""

from __future__ import annotations

import os
import re
from pathlib import Path

from playwright.sync_api import Page, expect

#: the first plan after a change of the search compiles it
PLANNED_MS = 180_000


def shot(page: Page, name: str) -> None:
    """Pictures on a phone and on a laptop for who looks at the pages by eye."""
    if folder := os.environ.get("YINONG_SHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
        size = page.viewport_size
        page.set_viewport_size({"width": 1280, "height": 900})
        page.screenshot(path=str(Path(folder) / f"{name}-wide.png"), full_page=True)
        page.set_viewport_size(size)


def ask_urgent(page: Page) -> None:
    page.get_by_role("button", name="加急一站").click()
    to = page.get_by_label("送到")
    expect(to.locator("option").nth(2)).to_be_attached()
    to.select_option(index=2)
    page.get_by_role("button", name="看看影响").click()
    expect(page.get_by_role("status").filter(has_text="改动的影响")).to_be_visible()


def test_an_urgent_stop_is_shown_then_done_then_undone(sign_in, accessible) -> None:
    page = sign_in("dispatcher")
    page.goto("/dispatch")
    page.get_by_role("button", name="计算村镇环线").click()
    page.locator("a.plan").first.wait_for(timeout=PLANNED_MS)  # the worker plans
    page.locator("a.plan").first.click()
    expect(page.get_by_role("region", name="线路图")).to_be_visible()
    expect(page.get_by_text("非审定地图")).to_be_visible()

    ask_urgent(page)
    shot(page, "effect")
    accessible(page)
    page.get_by_role("button", name="确认改动").click()
    expect(page.get_by_text("第 2 版").first).to_be_visible()
    page.get_by_role("button", name="撤销上次改动").click()
    page.get_by_role("button", name="确认改动").click()
    expect(page.get_by_text("第 3 版").first).to_be_visible()

    ask_urgent(page)
    page.get_by_role("button", name="确认改动").click()
    expect(page.get_by_text("第 4 版").first).to_be_visible()
    page.get_by_role("button", name="设为固定线路").first.click()
    page.get_by_role("button", name="周日").click()
    shot(page, "urgent")
    page.get_by_role("button", name="从明天起每周照此行驶").click()
    expect(page.get_by_role("button", name="从明天起每周照此行驶")).to_be_hidden()

    page.get_by_role("button", name="对比").click()
    page.get_by_label("与哪一版对比").select_option(index=1)
    expect(page.get_by_role("row", name=re.compile("里程"))).to_be_visible()
    shot(page, "compare")
    accessible(page)

    page.get_by_role("button", name="柜或车故障").click()
    van = page.get_by_label("开不了的车")
    van.select_option(index=1)
    shot(page, "failure")
    accessible(page)
    page.get_by_role("button", name="看看影响").click()
    page.get_by_role("button", name="确认改动").click()
    repaired = page.get_by_role("button", name="已修好")
    expect(repaired).to_be_visible()
    shot(page, "broken")
    accessible(page)
    repaired.click()
    page.get_by_role("button", name="确认改动").click()
    expect(repaired).to_be_hidden()

    page.goto("/dispatch")
    page.get_by_role("button", name="计算全部共配中心").first.click()
    ended = page.get_by_role("status").filter(has_text="1 个中心已完成 1 个")
    expect(ended).to_be_visible(timeout=PLANNED_MS)
    shot(page, "plans")
    accessible(page)


def test_a_road_is_closed_and_opened_again(sign_in, accessible) -> None:
    page = sign_in("dispatcher")
    page.goto("/dispatch/roads")
    place = page.get_by_label("地点", exact=True)
    expect(place.locator("option").nth(1)).to_be_attached()
    place.select_option(index=1)
    page.locator("input[name=why]").fill("塌方")
    page.get_by_role("button", name="看看影响").click()
    page.get_by_role("button", name="确认封闭").click()
    expect(page.get_by_role("button", name="恢复通行")).to_be_visible()
    shot(page, "roads")
    accessible(page)
    page.get_by_role("button", name="恢复通行").click()
    expect(page.get_by_text("没有封闭的道路")).to_be_visible()


def choose_waybills(page: Page, *rows: str) -> None:
    content = "\n".join(("运单号,地点,重量,运费,收件人", *rows)).encode()
    table = page.locator("input[type=file]")
    expect(table).to_be_enabled()  # a file is put into a disabled field too, before the hub is known
    table.set_input_files({"name": "waybills.csv", "mimeType": "text/csv", "buffer": content})


def test_other_carriers_waybills_come_in_and_go_back(sign_in, accessible) -> None:
    page = sign_in("dispatcher")
    page.goto("/dispatch/roads")
    places = page.get_by_label("地点", exact=True).locator("option")
    expect(places.nth(1)).to_be_attached()
    names = places.all_inner_texts()[1:]

    page.goto("/dispatch/waybills")
    expect(page.get_by_label("选择文件")).to_be_disabled()
    page.locator("input[name=firm]").fill("中通")
    rows = [f"ZT{7000 + at},{name},1.2,2.5,李*" for at, name in enumerate(names)]
    choose_waybills(page, *rows, "ZT1,没有这里,九斤,2.5,李*")
    faults = page.get_by_role("alert").filter(has_text="处要改")
    expect(faults).to_be_visible()
    shot(page, "waybill-faults")
    accessible(page)

    wrong = page.get_by_text(re.compile(r"第 \d+ 行 地点")).all_inner_texts()
    elsewhere = {int(re.findall(r"\d+", text)[0]) for text in wrong}
    mine = [row for number, row in enumerate(rows, start=2) if number not in elsewhere][:3]
    assert mine
    choose_waybills(page, *mine)
    page.get_by_role("button", name=f"接收 {len(mine)} 件").click()
    listed = page.get_by_role("list", name="中通")
    expect(listed.get_by_role("listitem")).to_have_count(len(mine))
    expect(listed.get_by_text("待安排").first).to_be_visible()
    shot(page, "waybills")
    accessible(page)
    page.get_by_role("button", name="整批退回 中通").click()
    page.get_by_role("dialog").get_by_role("button", name="整批退回").click()
    expect(page.get_by_text("这一天没有代收的运单")).to_be_visible()
