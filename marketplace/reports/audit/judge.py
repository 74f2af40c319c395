"""Every rule over one day."""

from datetime import date
from pathlib import Path

from marketplace.reports.audit.checks import CHECKS, money, served
from marketplace.reports.audit.evidence import Evidence, Journals, connect
from marketplace.reports.audit.findings import Verdict


def judge(*, database_url: str, journals: Path, day: date | None = None) -> Verdict:
    """The verdict on `day` (the day with most orders when none is given).

    Raises LookupError when there is no day to judge, FileNotFoundError without journals, psycopg.Error.
    """
    with connect(database_url) as connection:
        evidence = Evidence(connection, Journals.read(journals), day)
        counts = served.counts(evidence)
        counts["postings"] = evidence.value("SELECT count(*) FROM ledger_ledgertransaction")
        counts["postings_expected"] = money.expected_postings(evidence).total()
        counts["doors_opened_and_closed"] = sum(evidence.journals.finished.values())
        found = [finding for check in CHECKS.values() for finding in check(evidence)]
        return Verdict(day=evidence.day, counts=counts, checks=tuple(CHECKS), findings=found)
