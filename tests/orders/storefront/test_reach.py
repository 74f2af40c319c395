"""The read model behind the place picker: asked once, kept, asked again when a plan is published."""

from datetime import timedelta

import pytest

from marketplace.kernel.ids import uuid7
from marketplace.outbox.publishing import publish
from marketplace.places.models import Vehicle
from orders.models import Reach
from orders.services.purchases.checkout import pickup_offers
from orders.storefront.reach import reach, refresh_reach
from routing.events import PlanPublished
from tests.factories.orders import THURSDAY, WEDNESDAY, deliver, fill_cart


@pytest.fixture
def row(market):
    fill_cart(market.principal, (market.kiwi, 1))
    pickup_offers(principal=market.principal)
    return Reach.objects.get()


def test_the_picker_keeps_what_it_had_to_ask(market, row):
    assert (row.origin_hub, row.place, row.day) == (market.hub, market.place, THURSDAY)
    assert (row.feasible, row.reason) == (True, "")
    assert row.arrives_from is not None
    assert row.arrives_from < row.arrives_until
    Reach.objects.update(feasible=False, reason="shift")
    (offer,) = pickup_offers(principal=market.principal).offers
    assert offer.refusal.reason == "shift"  # the stored row answers, nobody is asked again


def test_the_checkout_keeps_nothing(market):
    reach(hubs=[market.hub], places=[market.place], day=THURSDAY, keep=False)
    assert not Reach.objects.exists()


def test_a_published_plan_has_its_hubs_rows_asked_again(market, row):
    Vehicle.objects.filter(is_trunk=True).update(active=False)
    assert refresh_reach(hub=market.second.hub, day=WEDNESDAY.date()) == 1  # as origin
    row.refresh_from_db()
    assert (row.feasible, row.reason) == (False, "no_trunk")
    Vehicle.objects.filter(is_trunk=True).update(active=True)
    publish(
        PlanPublished(plan=uuid7(), hub=market.town.uuid, date=WEDNESDAY.date(), wave="town_delivery"),
        aggregate_kind="plan",
        aggregate_uuid=uuid7(),
    )
    deliver()  # as the hub that serves the place
    row.refresh_from_db()
    assert (row.feasible, row.reason) == (True, "")


def test_days_gone_by_are_forgotten(market, row):
    Reach.objects.update(day=WEDNESDAY.date() - timedelta(days=3))
    assert refresh_reach(hub=market.hub, day=WEDNESDAY.date()) == 0
    assert not Reach.objects.exists()
