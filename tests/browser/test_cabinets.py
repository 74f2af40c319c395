"""What operators set up: sites from a table, a recorder and its token, a camera, a storage rule."""

import re

from playwright.sync_api import Page, expect


def choose(page: Page, *lines: str) -> None:
    header = "站点编号,站点名称,县(市、区),站点类型,经度,纬度,柜机编号,温区,小格数"
    content = "\r\n".join((header, *lines)).encode("gb18030")  # as Chinese Excel saves it
    table = page.locator("input[type=file]")
    expect(table).to_be_enabled()  # a file is put into a disabled field too, while another is looked at
    table.set_input_files({"name": "柜点.csv", "mimeType": "text/csv", "buffer": content})


def test_a_table_of_sites_is_mended_put_up_and_taken_back(sign_in, accessible) -> None:
    page = sign_in("cabinet_operator")
    page.goto("/cabinets/import")
    with page.expect_download() as template:
        page.get_by_role("button", name="CSV 模板").click()
    county, lon, lat = _example(template.value.path().read_text("utf-8-sig"))
    good = f"BT-1,浏览器小区,{county},小区,{lon},{lat},BT0001,常温,4"
    choose(page, good, f"BT-2,远方,{county},小区,-0.12,51.5,BT0002,微温,100000")
    expect(page.get_by_text("有 3 处要改")).to_be_visible()
    expect(page.get_by_text("第 3 行，温区")).to_be_visible()
    accessible(page)

    choose(page, good)
    page.get_by_role("button", name="登记这 1 台柜机").click()
    expect(page.get_by_text("已登记 1 台柜机")).to_be_visible()
    choose(page, good)
    expect(page.get_by_text("可登记 0 台柜机，已登记过 1 台")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="撤回").click()
    page.get_by_role("dialog").get_by_role("button", name="撤回").click()
    expect(page.get_by_text("已撤回").first).to_be_visible()


def test_a_recorder_is_registered_and_its_token_shown_once(sign_in, accessible) -> None:
    page = sign_in("cabinet_operator")
    page.goto("/cabinets/devices")
    page.get_by_role("button", name="登记温度记录仪").click()
    page.locator("input[name=device]").fill("REC-BT-1")
    asset = page.get_by_label("哪一个")
    expect(asset.locator("option").nth(1)).to_be_attached()
    asset.select_option(index=1)
    accessible(page)
    page.get_by_role("button", name="登记", exact=True).click()
    expect(page.get_by_text("只显示这一次")).to_be_visible()
    expect(page.get_by_text(re.compile("^[A-Z2-7]{32}$"))).to_be_visible()
    accessible(page)
    page.reload()
    expect(page.get_by_role("heading", name="REC-BT-1")).to_be_visible()
    expect(page.get_by_text("只显示这一次")).to_have_count(0)


def test_a_cabinets_camera_is_set_at_its_desk(sign_in, accessible) -> None:
    page = sign_in("cabinet_operator")
    page.goto("/cabinets/fleet")
    page.locator("h2 a").first.click()
    page.get_by_role("button", name="客服台").or_(page.get_by_role("link", name="客服台")).click()
    channel = page.locator("input[name=camera]")
    channel.fill("NVR-3/07")
    page.get_by_role("button", name="保存录像通道").click()
    expect(page.get_by_text("设置摄像头")).to_be_visible()
    accessible(page)
    page.reload()
    expect(channel).to_have_value("NVR-3/07")


def test_a_rule_is_announced_for_a_place_of_ones_own(sign_in, accessible) -> None:
    page = sign_in("cabinet_operator")
    page.goto("/cabinets/rules")
    expect(page.get_by_role("button", name="公布新规则")).to_have_count(0)
    place = page.get_by_label("地点")
    expect(place.locator("option").nth(1)).to_be_attached()
    place.select_option(index=1)
    page.get_by_role("button", name="公布新规则").click()
    page.get_by_label("温区").select_option("chilled")
    expect(page.locator("input[name=freeH]")).to_have_value("24")
    accessible(page)
    page.get_by_role("button", name="公布", exact=True).click()
    expect(page.get_by_text("本地点")).to_be_visible()


def _example(table: str) -> tuple[str, str, str]:
    """(county, lon, lat) of the template's first row."""
    head, first, *_ = (line.split(",") for line in table.splitlines())
    row = dict(zip(head, first, strict=True))
    return row["县(市、区)"], row["经度"], row["纬度"]
