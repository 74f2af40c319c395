from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

import pytest
from django.db import transaction

from marketplace.kernel.errors import TryAgain
from marketplace.kernel.ids import uuid7
from marketplace.outbox import delivery
from marketplace.outbox.delivery import deliver_all, deliver_next, replay, set_aside, undelivered
from marketplace.outbox.models import OutboxEvent
from marketplace.outbox.publishing import publish, publish_all

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True, slots=True)
class Happened:
    type: ClassVar[str] = "tests.Happened"
    what: str
    who: UUID


WHO = uuid7()


def happen(what: str, aggregate: UUID = WHO) -> OutboxEvent:
    with transaction.atomic():
        return publish(Happened(what=what, who=WHO), aggregate_kind="thing", aggregate_uuid=aggregate)


class Recorder:
    def __init__(self, name: str, fail: int = 0, error: type[Exception] = ValueError) -> None:
        self.__module__, self.__qualname__ = "tests", name
        self.seen: list[str] = []
        self.fail, self.error = fail, error

    def __call__(self, event: delivery.DeliveredEvent) -> None:
        if self.fail:
            self.fail -= 1
            raise self.error("no")
        self.seen.append(event.payload["what"])


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    real = delivery.timedelta
    monkeypatch.setattr(delivery, "timedelta", lambda **_: real(0))


def test_events_of_one_aggregate_arrive_in_order_with_plain_payload() -> None:
    for word in "abc":
        happen(word)
    seen = Recorder("seen")
    assert deliver_all({"tests.Happened": [seen]}) == 3
    assert seen.seen == ["a", "b", "c"]
    assert [row.seq for row in OutboxEvent.objects.order_by("id")] == [1, 2, 3]
    assert OutboxEvent.objects.first().payload == {"what": "a", "who": str(WHO)}  # type: ignore[union-attr]
    assert undelivered() == 0


def test_a_failing_handler_holds_its_aggregate_back_but_no_other_and_runs_finished_ones_once() -> None:
    happen("a")
    happen("b")
    happen("other", aggregate=uuid7())
    first, second = Recorder("first"), Recorder("second", fail=1)
    wiring = {"tests.Happened": [first, second]}
    assert deliver_next(wiring)  # a: first done, second failed
    assert (first.seen, second.seen) == (["a"], [])
    deliver_all(wiring)
    assert sorted(first.seen) == ["a", "b", "other"]
    assert [word for word in second.seen if word != "other"] == ["a", "b"]


def test_a_poisonous_event_is_set_aside_seen_and_replayed() -> None:
    row = happen("a")
    happen("b")
    bad = Recorder("bad", fail=delivery.MAX_ATTEMPTS)
    deliver_all({"tests.Happened": [bad]})
    assert bad.seen == ["b"]
    assert [event.uuid for event in set_aside()] == [row.uuid]
    assert "ValueError" in set_aside().get().last_error
    replay(row.uuid)
    deliver_all({"tests.Happened": [bad]})
    assert bad.seen == ["b", "a"]
    assert not set_aside().exists()


def test_a_transient_failure_is_never_given_up() -> None:
    happen("a")
    away = Recorder("away", fail=50, error=TryAgain)
    deliver_all({"tests.Happened": [away]})
    assert away.seen == ["a"]
    assert not set_aside().exists()


def test_publishing_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError):
        publish(Happened(what="a", who=WHO), aggregate_kind="thing", aggregate_uuid=WHO)
    assert not OutboxEvent.objects.exists()


def test_an_event_goes_with_its_transaction() -> None:
    with transaction.atomic():
        publish(Happened(what="a", who=WHO), aggregate_kind="thing", aggregate_uuid=WHO)
        transaction.set_rollback(True)
    assert not OutboxEvent.objects.exists()


def test_many_at_once_are_the_same_rows_in_the_same_order() -> None:
    happen("before")
    other = uuid7()
    facts = [
        (Happened(what=word, who=WHO), aggregate)
        for word, aggregate in zip("abc", (WHO, other, WHO), strict=True)
    ]
    with transaction.atomic():
        rows = publish_all(facts, aggregate_kind="thing")
    assert [(row.aggregate_uuid, row.seq) for row in rows] == [(WHO, 2), (other, 1), (WHO, 3)]
    assert [row.payload["what"] for row in OutboxEvent.objects.order_by("id")] == ["before", "a", "b", "c"]
    seen = Recorder("seen")
    assert deliver_all({"tests.Happened": [seen]}) == 4
    assert sorted(seen.seen) == ["a", "b", "before", "c"]
    with transaction.atomic():
        assert publish_all([], aggregate_kind="thing") == []
