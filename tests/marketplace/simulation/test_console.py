"""The tester's console: who may use it, that time never goes back, and what counts as being in flight."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import graphene
import pytest
from django.db import transaction

from catalog.events import LotListed
from marketplace.api.context import Context
from marketplace.database.business_time import read_setting
from marketplace.kernel import clock, ids
from marketplace.kernel.errors import Conflict
from marketplace.kernel.principal import Principal
from marketplace.outbox.delivery import deliver_all
from marketplace.outbox.management.commands.drain import do_due_work
from marketplace.outbox.publishing import publish
from marketplace.simulation import console, schema
from tests.factories.accounts import make_principal

pytestmark = pytest.mark.django_db

MORNING = datetime(2031, 3, 4, 8, 0, tzinfo=clock.SHANGHAI)
FIELDS = "quiet outboxPending commandsInFlight tasksInFlight dueWork gatewayPending"


@pytest.fixture(autouse=True)
def _business_time(settings: Any) -> Iterator[None]:
    """Installed as with TESTER_CONSOLE, and left alone again afterwards."""
    settings.CABINET_CONTROL_URL = ""
    clock.install(read_setting)
    yield
    clock.install(None)


def ask(principal: Principal, query: str) -> Any:
    built = graphene.Schema(query=schema.Query, mutation=schema.Mutation)
    return built.execute(query, context_value=Context(principal=principal, language="zh-hans"))


def happen() -> None:
    uuid = ids.uuid7()
    with transaction.atomic():
        publish(LotListed(lot=uuid), aggregate_kind="lot", aggregate_uuid=uuid)


@pytest.mark.parametrize("role", [None, "platform"])
def test_only_testers_use_it(role: str | None) -> None:
    """Not even the platform: the console is no tool of operations."""
    asked = ask(make_principal(role), f"{{ quiescence {{ {FIELDS} }} }}")
    assert asked.errors is not None
    before = read_setting()
    moved = ask(
        make_principal(role),
        'mutation { setTestClock(at: "2031-03-04T08:00:00+08:00", frozen: true) { errors { code } } }',
    )
    assert moved.data["setTestClock"]["errors"] == [{"code": "forbidden"}]
    assert read_setting() == before


def test_time_moves_stands_and_is_shown() -> None:
    answer = ask(
        make_principal("tester"),
        'mutation { setTestClock(at: "2031-03-04T08:00:00+08:00", frozen: true)'
        " { clock { businessNow frozen } errors { code } } }",
    )
    shown = answer.data["setTestClock"]["clock"]
    assert datetime.fromisoformat(shown["businessNow"]) == MORNING
    assert shown["frozen"] is True
    assert clock.now() == MORNING


def test_time_never_goes_back() -> None:
    console.set_test_clock(at=MORNING, frozen=True)
    with pytest.raises(Conflict) as refused:
        console.set_test_clock(at=MORNING - timedelta(seconds=1), frozen=True)
    assert (refused.value.error_code, refused.value.field) == ("clock_backwards", "at")
    assert read_setting().frozen_at == MORNING


def test_quiet_needs_a_look_for_due_work_after_every_move() -> None:
    console.set_test_clock(at=MORNING, frozen=True)
    assert console.quiescence().due_work == 1
    do_due_work([])
    assert console.quiescence().quiet
    console.set_test_clock(at=MORNING + timedelta(hours=1), frozen=True)
    assert not console.quiescence().quiet
    do_due_work([])
    assert console.quiescence().quiet


def test_an_event_is_in_flight_until_it_is_delivered_and_looked_after() -> None:
    console.set_test_clock(at=MORNING, frozen=True)
    do_due_work([])
    happen()
    assert console.quiescence().outbox_pending == 1
    deliver_all({})
    assert (console.quiescence().outbox_pending, console.quiescence().due_work) == (0, 1)
    do_due_work([])
    assert console.quiescence().quiet


def test_a_cabinet_that_nobody_knows_is_not_found() -> None:
    answer = ask(
        make_principal("tester"),
        f'mutation {{ cabinetFault(cabinetId: "{ids.uuid7()}", fault: "warm_up", on: true)'
        " { ok errors { code field } } }",
    )
    assert answer.data["cabinetFault"] == {
        "ok": None,
        "errors": [{"code": "not_found", "field": "cabinetId"}],
    }
