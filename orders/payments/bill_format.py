"""Alipay's business bill (业务账单): a zip of GBK CSV files with `#` comments. No Django.

Ids end with a TAB; refunds are rows of their own, negative, with our refund number; fees are negative.
"""

import csv
import io
import zipfile
from dataclasses import dataclass
from datetime import datetime

from marketplace.kernel.clock import SHANGHAI
from marketplace.kernel.errors import InvalidInput
from marketplace.kernel.money import parse_yuan

PAYMENT, REFUND = "payment", "refund"
KINDS = {"交易": PAYMENT, "退款": REFUND}
UNPACKED_MAX = 200 * 1024 * 1024


class BadBill(ValueError):
    """A file that is no bill, or a row that cannot be read; nothing of it is used."""


@dataclass(frozen=True, slots=True)
class BilledMovement:
    kind: str
    trade_no: str
    out_trade_no: str
    refund_no: str
    amount_fen: int
    fee_fen: int
    finished_at: datetime


def read_bill(raw: bytes) -> list[BilledMovement]:
    """Every movement of every detail file in the zip; summaries (汇总) are left out. Raises BadBill."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if sum(info.file_size for info in archive.infolist()) > UNPACKED_MAX:
                raise BadBill("the bill is too large")
            details = [info for info in archive.infolist() if "汇总" not in _name(info)]
            # GB 18030 holds GBK, and the rare characters of names and villages beside it.
            texts = [archive.read(info).decode("gb18030") for info in details]
    except (zipfile.BadZipFile, UnicodeError) as error:
        raise BadBill(str(error)) from None
    return [movement for text in texts for movement in _movements(text)]


def _name(info: zipfile.ZipInfo) -> str:
    """Names are GBK as well, unmarked: read as the zip format's own code page they would not say 汇总."""
    if info.flag_bits & 0x800:
        return info.filename
    return info.filename.encode("cp437").decode("gbk")


def _movements(text: str) -> list[BilledMovement]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = []
    for number, row in enumerate(csv.DictReader(lines), start=2):
        values = {
            (name or "").strip(): (value or "").strip()
            for name, value in row.items()
            if isinstance(value, str)
        }
        try:
            found.append(_movement(values))
        except (KeyError, ValueError, InvalidInput) as error:
            raise BadBill(f"row {number}: {error}") from None
    return found


def _movement(values: dict[str, str]) -> BilledMovement:
    return BilledMovement(
        kind=KINDS[values["业务类型"]],
        trade_no=values["支付宝交易号"],
        out_trade_no=values["商户订单号"],
        refund_no=values["退款批次号/请求号"],
        amount_fen=_signed_fen(values["订单金额（元）"]),
        fee_fen=-_signed_fen(values["服务费（元）"]),
        finished_at=datetime.strptime(values["完成时间"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI),
    )


def _signed_fen(text: str) -> int:
    return -parse_yuan(text[1:]) if text.startswith("-") else parse_yuan(text)
