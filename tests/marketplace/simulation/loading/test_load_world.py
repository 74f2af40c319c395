"""A world in the database: every thing once, under the id that the player computes, and usable."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from catalog.models import Lot, OrderCycle, Product, Stock
from farmers.models import AgentConsent, Farmer, Station, Villager
from lockers.models import Cabinet, Compartment, Device
from marketplace.accounts.models import DeliveryConsent, User
from marketplace.accounts.services.sign_in import principal_of, sign_in_with_pin
from marketplace.kernel import clock
from marketplace.places.models import County, Hub, Place, Vehicle
from marketplace.simulation.loading.load import WorldPresent, load
from marketplace.simulation.worlds import World, build
from tests.database import undone

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def standing_world(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Loaded once for all who look at it: a transaction around those of the tests."""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock(), undone():
        patch.setattr(settings, "TESTER_CONSOLE", True)
        patch.setattr(settings, "DATA_DIR", tmp_path_factory.mktemp("world"))
        made = build("test")
        load(made)
        yield made


@pytest.fixture
def world(standing_world: World, db: None) -> World:
    return standing_world


def test_every_thing_of_the_world_is_there_once(world: World) -> None:
    assert County.objects.count() == 10
    assert Place.objects.count() == len(world.places)
    assert Hub.objects.count() == len(world.hubs)
    assert Station.objects.count() == len(world.stations)
    assert Vehicle.objects.count() == len(world.vehicles)
    assert Farmer.objects.count() == len(world.farmers)
    assert Villager.objects.count() == len(world.villagers)
    assert User.objects.count() == len(world.users)
    assert DeliveryConsent.objects.count() == sum(len(buyer.consents) for buyer in world.buyers)
    assert Cabinet.objects.count() == Device.objects.filter(simulated=True).count() == len(world.cabinets)
    assert Compartment.objects.count() == sum(len(cabinet.cells) for cabinet in world.cabinets)
    assert Product.objects.count() == 87
    assert OrderCycle.objects.filter(delivery_date=world.day).count() == len(world.hubs)


def test_ids_are_those_that_the_player_computes(world: World) -> None:
    for station in world.stations:
        row = Station.objects.get(uuid=world.uuid(f"farmers.station:{station.key}"))
        assert (row.code, row.name) == (station.code, station.name)
        assert row.place.uuid == world.uuid(f"places.place:{station.place}")
    for user in world.users:
        assert User.objects.get(uuid=world.uuid(f"accounts.user:{user.key}")).phone == user.phone


def test_downward_goods_lie_at_the_hubs_and_no_farmer_has_listed_anything(world: World) -> None:
    stock = [lot for lot in world.lots if lot.station is None]
    assert Lot.objects.count() == Stock.objects.count() == len(stock)
    assert set(Lot.objects.values_list("product__direction", flat=True)) == {"down"}


def test_consent_stands_for_most_and_not_for_all(world: World) -> None:
    with_consent = sum(farmer.consent_on_file for farmer in world.farmers)
    with_consent += sum(villager.consent_on_file for villager in world.villagers)
    assert AgentConsent.objects.count() == with_consent
    assert with_consent < len(world.farmers) + len(world.villagers)


def test_everybody_signs_in_with_the_pin_and_has_the_role(world: World) -> None:
    for user in world.users[:3] + world.users[-3:]:
        _, signed_in = sign_in_with_pin(phone=user.phone, pin=user.pin)
        grants = principal_of(signed_in).grants
        assert {grant.role for grant in grants} == {member.role for member in user.memberships}


def test_business_time_stands_on_the_eve(world: World) -> None:
    clock.refresh()
    from marketplace.database.business_time import read_setting

    frozen = read_setting().frozen_at
    assert frozen is not None
    assert frozen.astimezone(clock.SHANGHAI).isoformat() == "2026-11-11T08:00:00+08:00"


def test_the_worlds_wares_are_the_catalogues_products(world: World) -> None:
    """The pure worlds and the catalogue read the same files: they must come to the same products."""
    for product in Product.objects.all():
        ware = world.product[product.name]
        assert (ware.zone, ware.unit, ware.cargo) == (product.zone, product.unit, product.cargo)
        assert (ware.volume_ml, ware.size) == (product.volume_ml, product.size_class)
        assert ware.price_fen == product.typical_price_fen
        assert ware.needs_certificate == product.needs_certificate
        if product.direction == "up":
            assert (ware.band.min_c, ware.band.max_c) == (product.min_c, product.max_c)


def test_a_second_load_is_refused_and_changes_nothing(world: World) -> None:
    before = (User.objects.count(), Lot.objects.count())
    with pytest.raises(WorldPresent):
        load(world)
    assert (User.objects.count(), Lot.objects.count()) == before
