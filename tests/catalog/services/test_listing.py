from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from catalog.errors import (
    CannotKeep,
    CertificateMissing,
    NotFresh,
    RestrictedProduct,
    SenderAgreementMissing,
    StillInWithdrawal,
    UnknownZone,
)
from catalog.handlers import consent_revoked
from catalog.kinds import Cargo, Direction
from catalog.models import Lot, Product, Stock
from catalog.services import seed
from catalog.services.listing import (
    CertificateStatement,
    expire_due_lots,
    list_hub_goods,
    list_lot,
    withdraw_lot,
)
from farmers.errors import LicenceMissing, NoAgentConsent
from farmers.models import Certificate, Farmer, FieldRecord, Plot, SellerLicence
from farmers.services.certificates import is_untouched
from farmers.services.consents import revoke_agent_consent
from marketplace.kernel import clock
from marketplace.kernel.errors import DomainError, Forbidden, InvalidInput, NotFound, Unauthenticated
from marketplace.kernel.principal import Principal
from marketplace.outbox.models import OutboxEvent
from tests.factories.accounts import make_principal, make_user
from tests.factories.catalog import make_lot, make_product, make_van, stock_of
from tests.factories.farmers import living_consent, make_farmer, make_officer, make_station, make_wholesaler

pytestmark = pytest.mark.django_db
OFFICER = object()


class Counter:
    """A station with its officer, a farmer who let it sell for him, and a van of all zones."""

    def __init__(self, **farmer: Any) -> None:
        self.station = make_station()
        make_van(self.station.hub)
        self.officer = make_officer(self.station)
        self.farmer = make_farmer(station=self.station, **farmer)

    def offer(self, product: Product, principal: Principal | None = None, **changes: Any) -> Lot:
        form: dict[str, Any] = {
            "product_uuid": product.uuid,
            "farmer_uuid": self.farmer.uuid,
            "station_uuid": self.station.uuid,
            "quantity": 40,
            "price_fen": 3200,
            "harvested_on": clock.today(),
            "sender_agreement": True,
        }
        return list_lot(principal=principal or self.officer, **{**form, **changes})

    def refuses(self, product: Product, error: type[DomainError], field: str, **changes: Any) -> DomainError:
        """The refusal, after checking that nothing at all was written."""
        with pytest.raises(error) as refused:
            self.offer(product, **changes)
        assert refused.value.field == field
        assert (Lot.objects.count(), Stock.objects.count(), Certificate.objects.count()) == (0, 0, 0)
        assert not OutboxEvent.objects.filter(type="catalog.LotListed").exists()
        return refused.value


def certificate(**changes: Any) -> CertificateStatement:
    fields = {
        "basis": "self_test",
        "issued_on": clock.today(),
        "contact": "13800000000",
        "origin": "奉新县赤岸镇",
    }
    return CertificateStatement(**{**fields, **changes})


def test_an_officer_lists_for_a_farmer_in_his_own_name() -> None:
    counter = Counter()
    product = make_product(shelf_life_days=20)
    lot = counter.offer(product)
    assert (lot.seller, lot.station, lot.place) == (counter.farmer, counter.station, counter.station.place)
    assert lot.listed_by_user is not None
    assert lot.listed_by_user.uuid == counter.officer.user_uuid
    assert lot.agent_consent == living_consent(counter.farmer)
    assert lot.expires_on == clock.today() + timedelta(days=20)
    assert lot.sender_agreement
    assert stock_of(lot.uuid) == (40, 0, 40)
    event = OutboxEvent.objects.get(type="catalog.LotListed")
    assert (event.payload, event.actor_uuid) == ({"lot": str(lot.uuid)}, counter.officer.user_uuid)


def test_a_farmer_lists_for_himself_without_any_consent() -> None:
    user = make_user()
    counter = Counter(user=user, consent=False)
    himself = make_principal(user=user)
    lot = counter.offer(make_product(), principal=himself)
    assert lot.agent_consent is None


def test_without_a_consent_nobody_lists_for_a_farmer() -> None:
    counter = Counter(consent=False)
    refused = counter.refuses(make_product(), NoAgentConsent, "farmer_id")
    assert str(refused) == f"{counter.farmer.name}没有授权本站代办"


def test_a_revoked_consent_is_no_consent_and_what_it_carried_is_withdrawn() -> None:
    counter = Counter()
    lot = counter.offer(make_product())
    consent = living_consent(counter.farmer)
    revoke_agent_consent(principal=counter.officer, consent_uuid=consent.uuid)
    with pytest.raises(NoAgentConsent):
        counter.offer(make_product())
    event = OutboxEvent.objects.get(type="farmers.AgentConsentRevoked")
    for _ in range(2):
        consent_revoked(event)
    lot.refresh_from_db()
    assert (lot.status, stock_of(lot.uuid)) == ("withdrawn", (0, 0, 0))
    assert OutboxEvent.objects.filter(type="catalog.LotWithdrawn").count() == 1


def test_other_peoples_objects_are_refused() -> None:
    counter, other = Counter(), Counter()
    with pytest.raises(Unauthenticated):
        counter.offer(make_product(), principal=Principal())
    with pytest.raises(Forbidden) as refused:
        counter.offer(make_product(), principal=other.officer)
    assert refused.value.field == "station_id"
    with pytest.raises(NotFound) as missing:
        counter.offer(make_product(), farmer_uuid=other.farmer.uuid)
    assert missing.value.field == "farmer_id"
    for field, name in (("product_uuid", "product_id"), ("station_uuid", "station_id")):
        with pytest.raises(NotFound) as missing:
            counter.offer(make_product(), **{field: uuid4()})
        assert missing.value.field == name
    assert Lot.objects.count() == 0


def test_a_farmer_cannot_list_for_his_neighbour() -> None:
    user = make_user()
    counter = Counter()
    make_farmer(station=counter.station, user=user)
    with pytest.raises(Forbidden):
        counter.offer(make_product(), principal=make_principal(user=user))


@pytest.mark.parametrize(
    ("unit", "changes", "field"),
    [
        ("piece", {"quantity": 0}, "quantity"),
        ("piece", {"quantity": -5}, "quantity"),
        ("piece", {"quantity": 20_001}, "quantity"),
        ("g", {"quantity": 99}, "quantity"),
        ("g", {"quantity": 50_000_001}, "quantity"),
        ("piece", {"price_fen": 0}, "price_fen"),
        ("piece", {"price_fen": -1}, "price_fen"),
        ("piece", {"price_fen": 5_000_001}, "price_fen"),
        ("g", {"quantity": 5000, "price_fen": 500_001}, "price_fen"),
        ("piece", {"shelf_life_days": 0}, "shelf_life_days"),
        ("piece", {"shelf_life_days": 3651}, "shelf_life_days"),
    ],
)
def test_absurd_numbers_are_refused_by_field(unit: str, changes: dict[str, int], field: str) -> None:
    Counter().refuses(make_product(unit=unit), InvalidInput, field, **changes)


def test_limits_are_settings(settings: Any) -> None:
    settings.LISTING_LIMITS = {"max_lot_pieces": 39}
    Counter().refuses(make_product(), InvalidInput, "quantity")


def test_harvest_is_not_in_the_future_and_not_long_ago() -> None:
    counter, tomorrow = Counter(), clock.today() + timedelta(days=1)
    counter.refuses(make_product(), InvalidInput, "harvested_on", harvested_on=tomorrow)
    counter.refuses(make_product(), InvalidInput, "harvested_on", harvested_on=date(2001, 1, 1))


def test_goods_past_their_date_are_refused() -> None:
    product = make_product(shelf_life_days=3)
    harvested = clock.today() - timedelta(days=3)
    Counter().refuses(product, NotFresh, "harvested_on", harvested_on=harvested)


@pytest.mark.parametrize(("promised", "kept"), [(None, 10), (4, 4), (30, 10)])
def test_a_seller_may_promise_fewer_days_never_more(promised: int | None, kept: int) -> None:
    lot = Counter().offer(make_product(shelf_life_days=10), shelf_life_days=promised)
    assert lot.days_left(clock.today()) == kept


def test_an_unknown_zone_is_refused() -> None:
    Counter().refuses(make_product(), UnknownZone, "zone", zone="arctic")


def test_a_product_that_no_van_can_keep_is_refused_by_name() -> None:
    peppers = make_product(name="本地辣椒", zone="chilled", band=(7, 10))
    refused = Counter().refuses(peppers, CannotKeep, "zone")
    assert "本地辣椒" in str(refused)
    assert refused.params["max_c"] == 10


def test_only_vans_of_the_stations_own_hub_count() -> None:
    counter = Counter()
    counter.station.hub.vehicles.all().delete()
    make_van(make_station().hub)
    counter.refuses(make_product(), CannotKeep, "zone")


def test_another_zone_may_be_chosen_when_it_suits_the_band() -> None:
    counter = Counter()
    cane = make_product(name="甘蔗", zone="ambient", band=(0, 25))
    assert counter.offer(cane, zone="cool").zone == "cool"
    with pytest.raises(CannotKeep):
        counter.offer(cane, zone="frozen")


@pytest.mark.parametrize("kind", ["cooperative", "company", "trader"])
def test_obliged_sellers_need_a_certificate_for_covered_goods(kind: str) -> None:
    counter = Counter(seller_kind=kind)
    product = make_product(needs_certificate=True)
    counter.refuses(product, CertificateMissing, "certificate")
    lot = counter.offer(product, certificate=certificate())
    stated = lot.certificates.get()
    assert (stated.product_name, stated.quantity, stated.unit, stated.issuer) == (
        product.name,
        40,
        "piece",
        counter.farmer.name,
    )
    assert is_untouched(stated)


def test_households_are_only_encouraged() -> None:
    counter = Counter()
    product = make_product(needs_certificate=True)
    assert counter.offer(product).certificates.count() == 0
    assert counter.offer(product, certificate=certificate()).certificates.count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"basis": "hearsay"}, "certificate.basis"),
        ({"issued_on": date(2199, 1, 1)}, "certificate.issued_on"),
        ({"contact": "  "}, "certificate.contact"),
        ({"origin": ""}, "certificate.origin"),
        ({"number": "x" * 61}, "certificate.number"),
    ],
)
def test_a_wrong_certificate_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    Counter().refuses(make_product(), InvalidInput, field, certificate=certificate(**changes))


def test_a_certificate_number_stands_for_one_certificate() -> None:
    counter = Counter()
    counter.offer(make_product(), certificate=certificate(number="HGZ-1"))
    with pytest.raises(InvalidInput) as refused:
        counter.offer(make_product(), certificate=certificate(number="HGZ-1"))
    assert refused.value.field == "certificate.number"
    assert (Lot.objects.count(), Certificate.objects.count()) == (1, 1)


def test_fresh_goods_need_the_senders_agreement() -> None:
    counter, greens = Counter(), make_product(fresh=True)
    counter.refuses(greens, SenderAgreementMissing, "sender_agreement", sender_agreement=False)
    assert counter.offer(greens).sender_agreement


def test_processed_food_needs_a_valid_licence() -> None:
    counter = Counter(seller_kind="cooperative")
    candy = make_product(required_licence="food")
    counter.refuses(candy, LicenceMissing, "farmer_id")
    SellerLicence.objects.create(
        farmer=counter.farmer, kind="food", number="F1", valid_until=clock.today() - timedelta(days=1)
    )
    counter.refuses(candy, LicenceMissing, "farmer_id")
    SellerLicence.objects.update(valid_until=clock.today())
    assert counter.offer(candy).status == "listed"


def test_a_station_does_not_list_goods_that_go_down() -> None:
    Counter().refuses(make_product(direction=Direction.DOWN), InvalidInput, "product_id")


def test_a_running_withdrawal_period_blocks_until_its_day() -> None:
    counter = Counter()
    plot = Plot.objects.create(farmer=counter.farmer, name="东坡", lon=115.39, lat=28.70)
    today = clock.today()
    FieldRecord.objects.create(
        plot=plot, work="spraying", done_on=today - timedelta(days=2), safe_from=today + timedelta(days=5)
    )
    refused = counter.refuses(make_product(), StillInWithdrawal, "harvested_on", plot_uuid=plot.uuid)
    assert refused.params == {"safe_from": (today + timedelta(days=5)).isoformat()}
    before = today - timedelta(days=3)
    assert counter.offer(make_product(), plot_uuid=plot.uuid, harvested_on=before).plot == plot


def goods(wholesaler: Farmer, product: Product, **changes: Any) -> Lot:
    assert wholesaler.hub is not None
    form: dict[str, Any] = {
        "principal": Principal.system("test"),
        "hub_uuid": wholesaler.hub.uuid,
        "product_uuid": product.uuid,
        "seller_uuid": wholesaler.uuid,
        "quantity": 10,
        "price_fen": 2200,
        "arrived_on": clock.today(),
    }
    return list_hub_goods(**{**form, **changes})


def test_pesticide_needs_its_licence_and_restricted_pesticide_is_never_sold() -> None:
    wholesaler = make_wholesaler()
    assert wholesaler.hub is not None
    make_van(wholesaler.hub)
    poison = make_product(direction=Direction.DOWN, band=None, shelf_life_days=None, cargo=Cargo.PESTICIDE)
    lot = goods(wholesaler, poison)
    assert (lot.station, lot.place, lot.harvested_on) == (None, wholesaler.hub.place, None)
    wholesaler.licences.filter(kind="pesticide").delete()
    with pytest.raises(LicenceMissing):
        goods(wholesaler, poison)
    forbidden = make_product(direction=Direction.DOWN, band=None, cargo=Cargo.PESTICIDE, restricted=True)
    with pytest.raises(RestrictedProduct):
        goods(wholesaler, forbidden)
    with pytest.raises(InvalidInput):
        goods(wholesaler, make_product())
    assert Lot.objects.count() == 1


def test_hub_goods_are_the_hub_operators() -> None:
    wholesaler = make_wholesaler()
    assert wholesaler.hub is not None
    stranger = make_principal("hub_operator", "hub", uuid4())
    with pytest.raises(Forbidden):
        goods(wholesaler, make_product(direction=Direction.DOWN), principal=stranger)


@pytest.mark.parametrize("who", ["officer", "farmer", "platform"])
def test_who_may_withdraw(who: str) -> None:
    user = make_user()
    farmer = make_farmer(user=user)
    lot = make_lot(seller=farmer)
    assert farmer.station is not None
    principal = {
        "officer": lambda: make_officer(farmer.station),  # type: ignore[arg-type]
        "farmer": lambda: make_principal(user=user),
        "platform": lambda: make_principal("platform"),
    }[who]()
    assert withdraw_lot(principal=principal, lot_uuid=lot.uuid).status == "withdrawn"
    assert withdraw_lot(principal=principal, lot_uuid=lot.uuid).status == "withdrawn"
    assert stock_of(lot.uuid) == (0, 0, 0)
    assert OutboxEvent.objects.filter(type="catalog.LotWithdrawn").count() == 1


def test_nobody_else_may() -> None:
    lot = make_lot()
    strangers = [make_officer(make_station()), make_principal("farmer", "farmer", uuid4()), make_principal()]
    for principal in strangers:
        with pytest.raises(Forbidden) as refused:
            withdraw_lot(principal=principal, lot_uuid=lot.uuid)
        assert refused.value.field == "id"
    assert stock_of(lot.uuid) == (40, 0, 40)
    with pytest.raises(NotFound):
        withdraw_lot(principal=strangers[0], lot_uuid=UUID(int=1))


def test_lots_end_on_their_expiry_day() -> None:
    due, good = make_lot(), make_lot()
    yesterday, today = clock.today() - timedelta(days=1), clock.today()
    Lot.objects.filter(pk=due.pk).update(harvested_on=yesterday, expires_on=today)
    assert expire_due_lots() == 1
    assert expire_due_lots() == 0
    due.refresh_from_db()
    good.refresh_from_db()
    assert (due.status, due.available_quantity, good.status) == ("expired", 0, "listed")


def test_the_whole_sample_catalogue_becomes_products() -> None:
    products = seed.create_all_products()
    assert len(products) == 87
    again = seed.create_all_products()
    assert [p.uuid for p in again] == [p.uuid for p in products]
    assert Product.objects.count() == 87
    assert {p.zone for p in products} == {"ambient", "cool", "chilled", "frozen"}
    assert all(p.name_en for p in products)


def test_of_the_sample_catalogue_only_peppers_have_no_van() -> None:
    farmer = make_farmer(
        seller_kind="cooperative", licences={"business": "B", "food": "F"}, station=make_station()
    )
    assert farmer.station is not None
    make_van(farmer.station.hub)
    refused = []
    for product in seed.create_products(seed.produce_rows()):
        quantity = 5000 if product.unit == "g" else 10
        try:
            seed.create_station_lot(
                product=product, seller=farmer, quantity=quantity, price_fen=3200, harvested_on=clock.today()
            )
        except CannotKeep:
            refused.append(product.name)
    assert refused == ["上高本地辣椒"]


def test_every_good_of_the_sample_catalogue_lies_at_a_hub() -> None:
    wholesaler = make_wholesaler()
    assert wholesaler.hub is not None
    make_van(wholesaler.hub)
    products = seed.create_products(seed.goods_down_rows())
    for product in products:
        seed.create_hub_lot(
            product=product, seller=wholesaler, quantity=10, price_fen=2000, arrived_on=clock.today()
        )
    assert Lot.objects.count() == 42
    without_locker = {p.name for p in products if not p.locker_allowed}
    assert len(without_locker) == 17  # 15 too large, and the two that must not go into a cabinet
    assert {"非限用杀虫剂(小瓶)", "电动车电池48V"} <= without_locker
