"""The ledger's promises, those of the services and those that the database keeps by itself."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from orders.ledger.accounts import AccountKind
from orders.ledger.errors import Overdrawn, PostedDifferently, Unbalanced
from orders.ledger.models import LedgerAccount, LedgerEntry, LedgerTransaction
from orders.ledger.services import (
    Entry,
    balance,
    credit,
    debit,
    post,
    posting,
    reverse,
    settle,
    statement,
    take_back,
    trial_balance,
)

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
CLEARING, HELD, PAYABLE = AccountKind.PROVIDER_CLEARING, AccountKind.HELD, AccountKind.SELLER_PAYABLE
SELLER = uuid4()


def captured(amount=1000, key="T1", seller=SELLER, at=NOON):
    with transaction.atomic():
        return post(
            kind="captured",
            key=key,
            occurred_at=at,
            source="alipay",
            entries=[debit(CLEARING, amount), credit(HELD, amount, seller)],
        )


@pytest.mark.django_db
class TestPosting:
    def test_a_fact_is_posted_once(self):
        assert captured().pk == captured().pk
        assert (balance(kind=CLEARING), balance(kind=HELD, owner=SELLER)) == (1000, -1000)
        assert LedgerEntry.objects.count() == 2

    def test_the_same_fact_with_other_amounts_is_refused(self):
        captured()
        with pytest.raises(PostedDifferently):
            captured(amount=999)
        assert balance(kind=CLEARING) == 1000

    @pytest.mark.parametrize(
        "entries",
        [
            [],
            [debit(CLEARING, 5)],
            [debit(CLEARING, 5), credit(HELD, 4, SELLER)],
            [debit(CLEARING, 5), credit(CLEARING, 5)],
        ],
    )
    def test_entries_that_do_not_balance_are_refused(self, entries):
        with pytest.raises(Unbalanced), transaction.atomic():
            post(kind="captured", key="x", occurred_at=NOON, source="alipay", entries=entries)
        assert LedgerTransaction.objects.count() == 0

    def test_a_reversal_names_its_original_and_takes_all_of_it_back_once(self):
        original = captured()
        for _ in range(2):
            back = reverse(original, occurred_at=NOON, source="alipay", key="R1")
        assert back.reverses == original
        assert [(b.kind, b.amount_fen) for b in trial_balance()] == [(HELD, 0), (CLEARING, 0)]

    def test_what_is_owed_cannot_turn_against_its_owner(self):
        captured()
        with pytest.raises(Overdrawn), transaction.atomic():
            settle(key="S1", merchant=SELLER, parts={(PAYABLE, SELLER): 1001}, occurred_at=NOON)
        assert balance(kind=HELD, owner=SELLER) == -1000
        assert LedgerTransaction.objects.count() == 1

    def test_a_balance_at_a_date_leaves_later_facts_out(self):
        captured(key="T1")
        captured(key="T2", amount=500, at=NOON + timedelta(days=1))
        assert balance(kind=CLEARING, at=NOON + timedelta(hours=1)) == 1000
        assert balance(kind=CLEARING) == 1500
        assert sum(b.amount_fen for b in trial_balance(at=NOON + timedelta(hours=1))) == 0


def settle_once(n):
    with transaction.atomic():
        settle(key=f"S{n}", merchant=SELLER, parts={(PAYABLE, SELLER): 300}, occurred_at=NOON)


PARTS = {(PAYABLE, SELLER): 930, (AccountKind.COMMISSION, None): 70}


@pytest.mark.django_db
class TestSettling:
    def test_a_delivered_line_is_divided_and_a_refund_takes_each_part_back(self):
        captured()
        settle(key="L1", merchant=SELLER, parts=PARTS, occurred_at=NOON)
        assert (balance(kind=PAYABLE, owner=SELLER), balance(kind=AccountKind.COMMISSION)) == (-930, -70)
        for _ in range(2):
            take_back(key="L1-r1", merchant=SELLER, parts=PARTS, occurred_at=NOON)
        assert (balance(kind=PAYABLE, owner=SELLER), balance(kind=AccountKind.COMMISSION)) == (0, 0)
        assert balance(kind=HELD, owner=SELLER) == -1000

    def test_what_the_seller_already_has_becomes_his_debt(self):
        captured()
        settle(key="L1", merchant=SELLER, parts=PARTS, occurred_at=NOON)
        paid_out = [debit(PAYABLE, 900, SELLER), credit(CLEARING, 900)]
        post(kind="paid_out", key="P1", occurred_at=NOON, source="alipay", entries=paid_out)
        take_back(key="L1-r1", merchant=SELLER, parts=PARTS, occurred_at=NOON)
        assert balance(kind=PAYABLE, owner=SELLER) == 0
        assert balance(kind=AccountKind.SELLER_DEBT, owner=SELLER) == 900
        assert balance(kind=HELD, owner=SELLER) == -1000

    def test_a_statement_is_opening_lines_closing_in_the_owners_eyes(self):
        captured(amount=2000)
        settle(key="L1", merchant=SELLER, parts=PARTS, occurred_at=NOON - timedelta(days=40), memo="旧账")
        settle(key="L2", merchant=SELLER, parts=PARTS, occurred_at=NOON, memo="猕猴桃", reference="O-2")
        opening, lines, closing = statement(
            kinds=[PAYABLE], owner=SELLER, start=NOON - timedelta(days=1), end=NOON + timedelta(days=1)
        )
        assert (opening, closing) == (930, 1860)
        assert [(line.amount_fen, line.memo, line.reference) for line in lines] == [(930, "猕猴桃", "O-2")]


@pytest.mark.django_db(transaction=True)
class TestTheDatabaseItself:
    def new(self, entry_count, amounts, key="D1"):
        with transaction.atomic():
            row = LedgerTransaction.objects.create(
                provider="x", kind="k", external_id=key, occurred_at=NOON, recorded_at=NOON,
                entry_count=entry_count,
            )  # fmt: skip
            account = LedgerAccount.objects.get_or_create(kind=AccountKind.SUSPENSE)[0]
            for amount in amounts:
                LedgerEntry.objects.create(
                    transaction=row, account=account, amount_fen=amount, occurred_at=NOON
                )
        return row

    @pytest.mark.parametrize(
        ("entry_count", "amounts"),
        [(2, [5, -4]), (2, []), (2, [5, -5, 1, -1]), (2, [5]), (1, [5]), (2, [0, 0])],
    )
    def test_an_unbalanced_or_unsealed_transaction_cannot_be_committed(self, entry_count, amounts):
        with pytest.raises(DatabaseError):
            self.new(entry_count, amounts)
        assert LedgerTransaction.objects.count() == 0

    def test_a_standing_transaction_takes_no_more_entries(self):
        row = self.new(2, [5, -5])
        account = LedgerAccount.objects.get()
        late = [
            LedgerEntry(transaction=row, account=account, amount_fen=amount, occurred_at=NOON)
            for amount in (7, -7)
        ]
        with pytest.raises(DatabaseError):
            LedgerEntry.objects.bulk_create(late)
        assert LedgerEntry.objects.count() == 2

    def test_a_reversal_that_is_not_the_exact_opposite_cannot_be_committed(self):
        original = captured()
        for entries in (
            [debit(HELD, 999, SELLER), credit(CLEARING, 999)],
            [debit(HELD, 1000, SELLER), credit(AccountKind.SUSPENSE, 1000)],
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                post(kind="wrong", key="w", occurred_at=NOON, source="t", entries=entries, reverses=original)
        with transaction.atomic():
            reverse(original, occurred_at=NOON, source="t", key="r")
        assert {line.amount_fen for line in trial_balance()} == {0}

    @pytest.mark.parametrize("table", ["ledgerentry", "ledgertransaction", "ledgeraccount"])
    @pytest.mark.parametrize("verb", ["UPDATE ledger_{t} SET id = id", "DELETE FROM ledger_{t}"])
    def test_nothing_is_changed_or_deleted(self, table, verb):
        self.new(2, [5, -5])
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute(verb.format(t=table))
        assert (LedgerEntry.objects.count(), LedgerTransaction.objects.count()) == (2, 1)

    def test_eight_threads_posting_one_fact_post_it_once(self):
        def work(_):
            try:
                return captured().pk
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(work, range(16)))) == 1
        assert balance(kind=CLEARING) == 1000

    def overdraw_by_eight(self):
        """1,000 fen are held and eight settle 300 each at once; returns how many came through."""
        captured(1300)
        settle_once(0)

        def work(n):
            try:
                settle_once(n)
            except Overdrawn:
                return 0
            finally:
                connection.close()
            return 1

        with ThreadPoolExecutor(8) as pool:
            return sum(pool.map(work, range(1, 9)))

    def test_eight_threads_cannot_overdraw(self):
        assert self.overdraw_by_eight() == 3
        assert balance(kind=HELD, owner=SELLER) == -100

    def test_without_the_lock_they_can(self, monkeypatch):
        """The control: with the row lock off, the same race takes more than there is."""
        all_have_looked = Barrier(8)
        real = posting._refuse_overdraft

        def look_then_wait(accounts, wanted):
            real(accounts, wanted)
            if LedgerTransaction.objects.filter(kind="settled").exists():
                all_have_looked.wait(timeout=60)

        monkeypatch.setattr(posting, "lock_accounts", lambda ids: None)
        monkeypatch.setattr(posting, "_refuse_overdraft", look_then_wait)
        assert self.overdraw_by_eight() == 8
        assert balance(kind=HELD, owner=SELLER) == 1400


moves = st.lists(
    st.tuples(
        st.sampled_from(["capture", "settle", "refund", "back"]), st.integers(1, 500), st.integers(0, 5)
    ),
    max_size=30,
)


class TestAnyRowOfMoves(TestCase):
    @settings(max_examples=60, deadline=None)
    @given(moves)
    def test_the_books_balance_and_nothing_is_owed_twice(self, moves):
        model = {"held": 0, "payable": 0, "clearing": 0}
        for number, (move, amount, key) in enumerate(moves):
            entries = {
                "capture": [debit(CLEARING, amount), credit(HELD, amount, SELLER)],
                "settle": [debit(HELD, amount, SELLER), credit(PAYABLE, amount, SELLER)],
                "back": [debit(PAYABLE, amount, SELLER), credit(HELD, amount, SELLER)],
                "refund": [debit(HELD, amount, SELLER), credit(CLEARING, amount)],
            }[move]
            external = f"{number}-{key}"
            try:
                with transaction.atomic():
                    for _ in range(1 + key % 2):
                        post(kind=move, key=external, occurred_at=NOON, source="t", entries=entries)
            except Overdrawn:
                owed = model["payable" if move == "back" else "held"]
                assert amount > owed
                continue
            for entry in entries:
                name = {CLEARING: "clearing", HELD: "held", PAYABLE: "payable"}[entry.kind]
                model[name] += entry.amount_fen if name == "clearing" else -entry.amount_fen
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        assert sum(b.amount_fen for b in trial_balance()) == 0
        stands = {
            "held": -balance(kind=HELD, owner=SELLER),
            "payable": -balance(kind=PAYABLE, owner=SELLER),
            "clearing": balance(kind=CLEARING),
        }
        assert stands == model
        assert min(stands["held"], stands["payable"]) >= 0


def test_an_entry_is_a_plain_value():
    assert debit(CLEARING, 5) == Entry(CLEARING, 5, None)
    assert credit(HELD, 5, SELLER) == Entry(HELD, -5, SELLER)
