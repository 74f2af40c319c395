"""What a recipient does about a parcel in a cabinet, with the cabinet's own answers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from lockers import services
from lockers.errors import CannotExtend, NotCollectable, WrongCabinet
from lockers.models import Allocation, Command, Delegation
from lockers.services.parcels import recipients
from lockers.services.parcels.collection import remind_due_parcels
from marketplace.kernel import clock
from marketplace.kernel.errors import NotFound
from marketplace.kernel.principal import Principal
from marketplace.messages.models import Notice
from tests.factories.accounts import make_principal, make_user
from tests.lockers.services.conftest import Bench, events, unit_of


@dataclass
class Waiting:
    bench: Bench
    allocation: Allocation
    owner: Principal

    def now(self) -> Allocation:
        return Allocation.objects.get(pk=self.allocation.pk)

    def later(self, hours: float) -> None:
        at = self.bench.world.now() + timedelta(hours=hours)
        clock.install(lambda: clock.Setting(frozen_at=at))
        clock.refresh()
        self.bench.world.set(at, frozen=True)
        self.bench.turn()


def deposited(bench: Bench) -> Waiting:
    owner, reference = make_principal(), uuid4()
    services.open_pickup_group(
        reference=reference, recipient_uuid=owner.user_uuid, recipient_label="李*", zone="chilled"
    )
    return Waiting(bench, bench.deposit(reference=reference), owner)


@pytest.fixture
def waiting(put_up: Callable[..., Bench]) -> Waiting:
    return deposited(put_up(cells=(("chilled", "S"),)))


def test_the_period_runs_from_the_deposit_and_ends_with_the_goods_life(
    waiting: Waiting, put_up: Callable[..., Bench], frozen: datetime
) -> None:
    assert waiting.allocation.collect_until == frozen + timedelta(hours=24)
    [told] = events("lockers.ParcelDeposited")
    assert told["until"] == (frozen + timedelta(hours=24)).isoformat()
    short = put_up().deposit(keep_until=frozen + timedelta(hours=5))
    assert short.collect_until == frozen + timedelta(hours=5)


def test_one_tap_makes_it_longer_once_and_the_cabinet_knows(waiting: Waiting, frozen: datetime) -> None:
    until = frozen + timedelta(hours=36)
    parcel = recipients.extend_storage(principal=waiting.owner, reference=waiting.allocation.reference)
    assert parcel.allocation.collect_until == until
    assert [each["until"] for each in events("lockers.StorageExtended")] == [until.isoformat()]
    waiting.later(30)
    assert services.expire_due_parcels() == 0
    assert waiting.bench.type(waiting.bench.code(waiting.allocation)).ok
    with pytest.raises(CannotExtend) as refused:
        recipients.extend_storage(principal=waiting.owner, reference=waiting.allocation.reference)
    assert refused.value.error_code == "used_up"


def test_not_while_somebody_else_needs_the_cell(put_up: Callable[..., Bench], frozen: datetime) -> None:
    bench = put_up(cells=(("chilled", "S"),))
    services.hold_capacity(
        reference=uuid4(),
        place_uuids=[bench.place],
        zone="chilled",
        size="S",
        min_c=0,
        max_c=4,
        slot_date=clock.today() + timedelta(days=1),
        expires_at=frozen + timedelta(minutes=15),
    )
    waiting = deposited(bench)
    before = waiting.now().collect_until
    with pytest.raises(CannotExtend) as refused:
        recipients.extend_storage(principal=waiting.owner, reference=waiting.allocation.reference)
    assert refused.value.error_code == "cell_needed"
    assert (waiting.now().collect_until, events("lockers.StorageExtended")) == (before, [])


def test_the_reminder_comes_once_and_not_to_who_has_been_there(waiting: Waiting) -> None:
    waiting.later(11)
    assert remind_due_parcels() == 0
    waiting.later(1)
    assert [remind_due_parcels(), remind_due_parcels()] == [1, 0]
    assert waiting.now().parcel_state == "reminded"
    assert [each["reference"] for each in events("lockers.ParcelDueSoon")] == [
        str(waiting.allocation.reference)
    ]
    assert waiting.bench.type(waiting.bench.code(waiting.allocation)).ok


def test_a_friend_collects_with_the_code_and_loses_it_when_he_is_not_sent(waiting: Waiting) -> None:
    friend = make_user(phone="13712345678")
    reference = waiting.allocation.reference
    asked = {"principal": waiting.owner, "reference": reference, "name": "王姐", "phone": "137 1234 5678"}
    first = recipients.delegate_pickup(**asked)  # type: ignore[arg-type]
    recipients.delegate_pickup(**asked)  # type: ignore[arg-type]
    assert first.delegation is not None
    told = Notice.objects.get(template="parcel_for_friend")
    code = waiting.bench.code(waiting.allocation)
    assert (told.to_user_uuid, told.params["code"], told.params["who"]) == (friend.uuid, code, "李*")
    sent = make_principal(user=friend)
    [seen] = recipients.waiting_parcels(principal=sent)
    assert (seen.mine, seen.collectable) == (False, True)
    with pytest.raises(NotFound):
        recipients.extend_storage(principal=sent, reference=reference)
    recipients.end_delegation(principal=waiting.owner, reference=reference)
    recipients.end_delegation(principal=waiting.owner, reference=reference)
    waiting.bench.turn()
    assert recipients.waiting_parcels(principal=sent) == []
    assert waiting.bench.type(code).reason == "wrong"
    assert waiting.bench.type(waiting.bench.code(waiting.allocation)).ok
    assert Delegation.objects.filter(ended_at=None).count() == 0


def test_opened_by_phone_before_the_right_cabinet_it_is_collected(waiting: Waiting) -> None:
    reference, device = waiting.allocation.reference, waiting.bench.cabinet.device.device
    with pytest.raises(WrongCabinet):
        recipients.open_for_recipient(principal=waiting.owner, reference=reference, device="T0000")
    assert Command.objects.filter(purpose="assist").count() == 0
    recipients.open_for_recipient(principal=waiting.owner, reference=reference, device=device.lower())
    waiting.bench.turn()
    assert waiting.bench.simulated.hardware.slots[1].is_open
    waiting.bench.shut(1)
    assert waiting.now().parcel_state == "collected"
    proof = unit_of(waiting.allocation).custody.latest("seq").proof
    assert (proof["entry"], proof["actor"]) == ("assist", str(waiting.owner.user_uuid))
    with pytest.raises(NotFound):
        recipients.open_for_recipient(principal=waiting.owner, reference=reference, device=device)


def test_refused_at_the_open_door_it_is_held_for_inspection(waiting: Waiting) -> None:
    reference, device = waiting.allocation.reference, waiting.bench.cabinet.device.device
    with pytest.raises(NotCollectable):
        recipients.refuse_parcel(principal=waiting.owner, reference=reference, reason="压坏了")
    recipients.open_for_recipient(principal=waiting.owner, reference=reference, device=device)
    waiting.bench.turn()
    recipients.refuse_parcel(principal=waiting.owner, reference=reference, reason="压坏了")
    waiting.bench.shut(1)
    held = waiting.now()
    assert (held.state, held.parcel_state, held.inspect_reason) == ("blocked", "ready", "put_back")
    assert unit_of(held).status == "blocked"
    assert [each["reason"] for each in events("lockers.ParcelPutBack")] == ["压坏了"]
    assert events("lockers.ParcelCollected") == []
    assert waiting.bench.type(waiting.bench.code(held)).reason == "held"


def test_somebody_elses_parcel_is_not_found(waiting: Waiting) -> None:
    stranger = make_principal()
    reference, device = waiting.allocation.reference, waiting.bench.cabinet.device.device
    assert recipients.waiting_parcels(principal=stranger, reference=reference) == []
    for act in (
        lambda: recipients.extend_storage(principal=stranger, reference=reference),
        lambda: recipients.end_delegation(principal=stranger, reference=reference),
        lambda: recipients.resend_code(principal=stranger, reference=reference),
        lambda: recipients.open_for_recipient(principal=stranger, reference=reference, device=device),
        lambda: recipients.refuse_parcel(principal=stranger, reference=reference, reason="x"),
        lambda: recipients.delegate_pickup(
            principal=stranger, reference=reference, name="x", phone="13712345678"
        ),
    ):
        with pytest.raises(NotFound):
            act()
    assert (Notice.objects.count(), Command.objects.exclude(purpose="deposit").count()) == (0, 0)
