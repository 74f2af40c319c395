"""Many lots from one table: every bad cell is named before anything is sold, and one tap undoes it."""

from playwright.sync_api import Page, expect

HEADER = "商品,农户,数量,单价,采收日期"


def choose(page: Page, *lines: str) -> None:
    content = "\r\n".join((HEADER, *lines)).encode("gb18030")  # as Chinese Excel saves it
    table = page.locator("input[type=file]")
    expect(table).to_be_enabled()  # a file is put into a disabled field too, before the station is known
    table.set_input_files({"name": "lots.csv", "mimeType": "text/csv", "buffer": content})


def test_a_table_is_mended_listed_and_taken_back(sign_in, accessible) -> None:
    page = sign_in("information_officer")
    page.goto("/station/people")
    consenting = page.get_by_role("listitem").filter(has_text="已授权代卖")
    farmer = consenting.first.locator(".title").inner_text()

    page.goto("/station/import")
    good = f"奉新大米,{farmer},12袋,39元/袋,2026-11-10"
    choose(page, good, f"奉新大米,{farmer},-3袋,39元/袋,昨天")
    expect(page.get_by_text("有 2 处要改")).to_be_visible()
    expect(page.get_by_text("第 3 行，采收日期")).to_be_visible()
    accessible(page)

    choose(page, good)
    page.get_by_role("button", name="上架这 1 个批次").click()
    expect(page.get_by_text("已上架 1 个批次")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="全部撤回").click()
    page.get_by_role("dialog").get_by_role("button", name="全部撤回").click()
    expect(page.get_by_text("已全部撤回")).to_be_visible()
