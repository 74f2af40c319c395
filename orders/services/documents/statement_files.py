"""A statement as CSV, Excel or PDF, in the reader's language."""

from collections.abc import Callable

from django.utils.translation import gettext

from marketplace.documents.pdf import Column, table_pdf
from marketplace.documents.sheets import Value, csv_file, xlsx_file, yuan_cell
from marketplace.kernel import clock
from marketplace.kernel.errors import N_
from marketplace.kernel.money import format_yuan
from orders.services.documents.statement_words import COLUMNS, OWNERS, detail_of
from orders.services.documents.statements import Statement

WIDTHS = (16, 26, 18, 40, 11, 11)
NOTE = N_("金额来自复式账本；我们不代收、不保管货款，货款由支付宝放给收款方。")


def as_csv(statement: Statement) -> bytes:
    return csv_file(columns=_columns(), rows=_rows(statement))


def as_xlsx(statement: Statement) -> bytes:
    return xlsx_file(title=gettext("对账单"), columns=_columns(), rows=_rows(statement), widths=WIDTHS)


def as_pdf(statement: Statement) -> bytes:
    titles = _columns()
    columns = [
        Column(title, width, right=index >= 4)
        for index, (title, width) in enumerate(zip(titles, WIDTHS, strict=True))
    ]
    facts = [
        (gettext(OWNERS[statement.owner_kind]), statement.owner_name),
        (gettext("期间"), f"{statement.start} – {statement.end}"),
        (gettext("期初余额"), format_yuan(statement.opening_fen)),
        *((total.label, format_yuan(total.amount_fen)) for total in statement.totals),
        (gettext("期末余额"), format_yuan(statement.closing_fen)),
    ]
    rows = [
        (
            row.at.astimezone(clock.SHANGHAI).strftime("%m-%d %H:%M"),
            row.title,
            row.reference,
            detail_of(row.parts),
            format_yuan(row.amount_fen),
            format_yuan(row.balance_fen),
        )
        for row in statement.lines
    ]
    notes = [gettext(NOTE)] if rows else [gettext("本期没有往来"), gettext(NOTE)]
    return table_pdf(title=gettext("对账单"), columns=columns, rows=rows, facts=facts, notes=notes)


#: extension -> (maker, media type)
FILES: dict[str, tuple[Callable[[Statement], bytes], str]] = {
    "csv": (as_csv, "text/csv; charset=utf-8"),
    "xlsx": (as_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "pdf": (as_pdf, "application/pdf"),
}


def _columns() -> list[str]:
    return [gettext(title) for title in COLUMNS]


def _rows(statement: Statement) -> list[tuple[Value, ...]]:
    return [
        (
            row.at,
            row.title,
            row.reference,
            detail_of(row.parts),
            yuan_cell(row.amount_fen),
            yuan_cell(row.balance_fen),
        )
        for row in statement.lines
    ]
