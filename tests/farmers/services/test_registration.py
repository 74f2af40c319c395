from datetime import timedelta

import pytest

from farmers.errors import AlreadyRegistered, LicenceMissing, NotDeclared
from farmers.models import Farmer, Villager
from farmers.services.registration import add_licence, register_farmer, register_villager, valid_licences
from marketplace.accounts.errors import BadPhone
from marketplace.accounts.models import Membership, User
from marketplace.kernel import clock
from marketplace.kernel.errors import DomainError, Forbidden, InvalidInput, NotFound, Unauthenticated
from marketplace.kernel.ids import uuid7
from marketplace.kernel.principal import Principal
from tests.factories.accounts import make_principal
from tests.factories.farmers import make_farmer, make_officer, make_station

pytestmark = pytest.mark.django_db

FORM = {"name": "王婶", "phone": "13812345678", "seller_kind": "household", "own_produce_declared": True}


def test_a_household_declares_and_the_officer_attests() -> None:
    station = make_station()
    officer = make_officer(station)
    farmer = register_farmer(principal=officer, station_uuid=station.uuid, **FORM)  # type: ignore[arg-type]
    assert farmer.own_produce_declared_at is not None
    assert farmer.attested_by is not None
    assert farmer.attested_by.uuid == officer.user_uuid
    member = Membership.objects.get(role="farmer")
    assert (member.user.phone, member.scope_uuid) == ("13812345678", farmer.uuid)
    assert not member.user.has_usable_password()


def test_a_phone_that_has_an_account_keeps_it() -> None:
    station = make_station()
    user = User.objects.create(phone="13812345678", name="老王")
    farmer = register_farmer(principal=make_officer(station), station_uuid=station.uuid, **FORM)  # type: ignore[arg-type]
    assert farmer.user == user
    user.refresh_from_db()
    assert user.name == "老王"


def test_everybody_but_households_brings_a_business_licence() -> None:
    station = make_station()
    form = {**FORM, "seller_kind": "cooperative", "own_produce_declared": False}
    officer = make_officer(station)
    with pytest.raises(LicenceMissing) as refused:
        register_farmer(principal=officer, station_uuid=station.uuid, **form)  # type: ignore[arg-type]
    assert refused.value.field == "licence_number"
    assert (Farmer.objects.count(), User.objects.filter(phone="13812345678").count()) == (0, 0)
    farmer = register_farmer(
        principal=officer,
        station_uuid=station.uuid,
        licence_number=" 9136 ",
        **form,  # type: ignore[arg-type]
    )
    assert farmer.licences.get().number == "9136"
    assert farmer.attested_by is None


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"name": "  "}, InvalidInput, "name"),
        ({"name": "王" * 61}, InvalidInput, "name"),
        ({"phone": "12"}, BadPhone, "phone"),
        ({"seller_kind": "emperor"}, InvalidInput, "seller_kind"),
        ({"own_produce_declared": False}, NotDeclared, "own_produce_declared"),
    ],
)
def test_bad_forms_are_refused_by_field(
    changes: dict[str, object], error: type[DomainError], field: str
) -> None:
    station = make_station()
    officer = make_officer(station)
    users = User.objects.count()
    with pytest.raises(error) as refused:
        register_farmer(
            principal=officer,
            station_uuid=station.uuid,
            **{**FORM, **changes},  # type: ignore[arg-type]
        )
    assert refused.value.field == field
    assert (Farmer.objects.count(), User.objects.count()) == (0, users)


def test_the_same_farmer_is_not_registered_twice() -> None:
    station = make_station()
    officer = make_officer(station)
    register_farmer(principal=officer, station_uuid=station.uuid, **FORM)  # type: ignore[arg-type]
    with pytest.raises(AlreadyRegistered):
        register_farmer(principal=officer, station_uuid=station.uuid, **FORM)  # type: ignore[arg-type]
    assert Farmer.objects.count() == 1


def test_only_the_stations_own_officer_registers() -> None:
    station = make_station()
    for principal, error in (
        (Principal(), Unauthenticated),
        (make_principal(), Forbidden),
        (make_officer(make_station()), Forbidden),
    ):
        with pytest.raises(error):
            register_farmer(principal=principal, station_uuid=station.uuid, **FORM)  # type: ignore[arg-type]
        with pytest.raises(error):
            register_villager(principal=principal, station_uuid=station.uuid, name="李爷爷")
    with pytest.raises(NotFound):
        register_villager(principal=make_officer(station), station_uuid=uuid7(), name="李爷爷")
    assert (Farmer.objects.count(), Villager.objects.count()) == (0, 0)


def test_a_villager_needs_no_phone() -> None:
    station = make_station()
    officer = make_officer(station)
    villager = register_villager(principal=officer, station_uuid=station.uuid, name=" 李  爷爷 ")
    assert (villager.name, villager.phone) == ("李 爷爷", "")
    with pytest.raises(AlreadyRegistered):
        register_villager(principal=officer, station_uuid=station.uuid, name="李 爷爷")
    with pytest.raises(BadPhone):
        register_villager(principal=officer, station_uuid=station.uuid, name="张三", phone="110")
    register_villager(principal=officer, station_uuid=station.uuid, name="李 爷爷", phone="13812345678")
    assert Villager.objects.count() == 2


def test_licences_count_while_they_are_valid() -> None:
    farmer = make_farmer()
    today = clock.today()
    add_licence(farmer=farmer, kind="food", number="F1", valid_until=today)
    add_licence(farmer=farmer, kind="salt", number="S1", valid_until=today - timedelta(days=1))
    add_licence(farmer=farmer, kind="seed", number="Z1")
    assert set(valid_licences(farmer)) == {"food", "seed"}
    add_licence(farmer=farmer, kind="salt", number="S2", valid_until=today)
    assert set(valid_licences(farmer)) == {"food", "seed", "salt"}
    with pytest.raises(InvalidInput):
        add_licence(farmer=farmer, kind="pilot", number="P1")
