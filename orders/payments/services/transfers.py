"""Paying what the platform owes out of its own money, once: a courier's firm, by Alipay transfer (单笔转账).

    ordered   payable -> settling, in the caller's transaction: the money cannot be spent a second time
    done      the provider moved it: settling -> platform_balance
    refused   owed again, and a person has to look

A delivery fee is the platform's own trade, so this is no money of sellers (二清), and a share of 80 % could
not go by 分账, whose cap is 30 % of a trade. The provider asks for a contract and certificate mode; without
them it refuses, and the sum stays owed.
"""

import logging
from uuid import UUID

from django.db import transaction
from django.db.models import F

from marketplace.kernel import clock
from marketplace.kernel.errors import Conflict
from marketplace.outbox.publishing import publish
from orders.ledger.accounts import AccountKind
from orders.ledger.services import Entry, credit, debit, post
from orders.payments.errors import KeyReused, ProviderAway
from orders.payments.events import TransferDone, TransferRefused
from orders.payments.gateways.base import Outcome
from orders.payments.gateways.registry import gateway
from orders.payments.models import Transfer
from orders.payments.services.calls import record_call, wait_until
from orders.payments.services.locking import move
from orders.payments.services.receivers import bind_receiver
from orders.payments.states import TransferStatus

log = logging.getLogger(__name__)
FIRST_TRY_S, LONGEST_TRY_S = 5.0, 3600.0
SOURCE = "alipay"


def order_transfer(
    *, owner: UUID, payee_name: str, account: AccountKind, amount_fen: int, key: str, memo: str = ""
) -> Transfer:
    """Orders that `amount_fen` of what is owed to `owner` is paid; TransferDone or TransferRefused follows.

    Runs in the caller's transaction. The same `key` is the same transfer. Raises KeyReused, Overdrawn.
    """
    with transaction.atomic():
        earlier: Transfer | None = Transfer.objects.filter(key=key).first()
        if earlier is not None:
            if (earlier.owner_uuid, earlier.account, earlier.amount_fen) != (owner, account, amount_fen):
                raise KeyReused
            return earlier
        made: Transfer = Transfer.objects.create(
            owner_uuid=owner,
            account=account,
            amount_fen=amount_fen,
            key=key,
            payee_name=payee_name[:100],
            memo=memo[:100],
            created_at=clock.now(),
            next_try_at=clock.wall(),
        )
        entries = [debit(account, amount_fen, owner), credit(AccountKind.SETTLING, amount_fen, owner)]
        _post(made, kind="transfer_ordered", entries=entries)
    return made


def send_transfer(transfer_id: int) -> TransferStatus:
    """Asks the provider; an unclear answer is repeated under the same number. Never inside a transaction."""
    row: Transfer = Transfer.objects.get(pk=transfer_id)
    if row.status != TransferStatus.ORDERED:
        return TransferStatus(row.status)
    try:
        payee = bind_receiver(owner_uuid=row.owner_uuid, name=row.payee_name).account
    except (ProviderAway, Conflict) as error:  # his registration is still in review
        _try_later(row, why=error.error_code)
        return TransferStatus.ORDERED
    answer = gateway().transfer(
        request_no=row.number, amount_fen=row.amount_fen, payee_id=payee, title=row.memo or row.payee_name
    )
    record_call(operation="transfer", number=row.number, result=answer.outcome, reason=answer.sub_code)
    if answer.outcome is Outcome.DONE:
        _record_done(row)
    elif answer.outcome is Outcome.REFUSED:
        _record_refused(row, why=answer.sub_code)
    else:
        _try_later(row, why=answer.sub_code or answer.message)
    return TransferStatus(Transfer.objects.values_list("status", flat=True).get(pk=row.pk))


def _record_done(row: Transfer) -> None:
    with transaction.atomic():
        if not move(row, TransferStatus.DONE, ended_at=clock.now(), next_try_at=None, failure=""):
            return
        fen, owner = row.amount_fen, row.owner_uuid
        entries = [debit(AccountKind.SETTLING, fen, owner), credit(AccountKind.PLATFORM_BALANCE, fen)]
        _post(row, kind="transferred", entries=entries)
        done = TransferDone(transfer=row.uuid, owner=owner, key=row.key, amount_fen=fen)
        publish(done, aggregate_kind="transfer", aggregate_uuid=row.uuid)


def _record_refused(row: Transfer, *, why: str) -> None:
    with transaction.atomic():
        if not move(row, TransferStatus.REFUSED, ended_at=clock.now(), next_try_at=None, failure=why[:60]):
            return
        log.error("transfer %s refused by the provider: %s", row.uuid, why)
        fen, owner = row.amount_fen, row.owner_uuid
        entries = [debit(AccountKind.SETTLING, fen, owner), credit(AccountKind(row.account), fen, owner)]
        _post(row, kind="transfer_refused", entries=entries)
        refused = TransferRefused(transfer=row.uuid, owner=owner, key=row.key, amount_fen=fen, why=why)
        publish(refused, aggregate_kind="transfer", aggregate_uuid=row.uuid)


def _post(row: Transfer, *, kind: str, entries: list[Entry]) -> None:
    post(
        kind=kind, key=row.number, occurred_at=clock.now(), entries=entries, source=SOURCE,
        reference=str(row.uuid), memo=row.memo,
    )  # fmt: skip


def _try_later(row: Transfer, *, why: str) -> None:
    next_try = wait_until(tries=row.tries, first_s=FIRST_TRY_S, longest_s=LONGEST_TRY_S)
    Transfer.objects.filter(pk=row.pk, status=row.status).update(
        tries=F("tries") + 1, next_try_at=next_try, failure=why[:60]
    )
