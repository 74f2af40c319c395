"""Offering a lot and taking it back."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import transaction
from django.db.models import F

from catalog import states
from catalog.events import LotListed, LotWithdrawn
from catalog.freshness import is_expired
from catalog.kinds import LotStatus
from catalog.models import Lot, LotImport, Product, Stock
from catalog.services.listing_rules import LotDraft, faults
from catalog.services.stock import lock_stocks_of, refresh_available
from farmers.certificate_rules import CertificateFields
from farmers.kinds import ConsentKind
from farmers.models import AgentConsent, Farmer, Station
from farmers.services.access import FARMER, OFFICER, acting_user, farmer_of
from farmers.services.certificates import COMMITMENT, certificate_number, issue_certificate
from farmers.services.consents import require_agent_consent
from farmers.services.fields import plot_of
from marketplace.accounts.models import User
from marketplace.kernel import clock
from marketplace.kernel.errors import Forbidden, NotFound
from marketplace.kernel.principal import Principal
from marketplace.outbox.publishing import publish
from marketplace.places.models import Hub


@dataclass(frozen=True, slots=True)
class CertificateStatement:
    """What the form asks for; product, quantity and issuer follow from the lot."""

    basis: str
    issued_on: date
    contact: str
    origin: str
    number: str = ""

    def for_lot(self, *, product: Product, seller: Farmer, quantity: int) -> CertificateFields:
        return CertificateFields(
            number=certificate_number(self.number),
            commitment=COMMITMENT,
            basis=self.basis,
            product_name=product.name,
            quantity=max(quantity, 0),
            unit=product.unit,
            origin=self.origin.strip(),
            issued_on=self.issued_on,
            issuer=seller.name,
            contact=self.contact.strip(),
        )


def list_lot(
    *,
    principal: Principal,
    product_uuid: UUID,
    farmer_uuid: UUID,
    station_uuid: UUID,
    quantity: int,
    price_fen: int,
    harvested_on: date,
    shelf_life_days: int | None = None,
    zone: str | None = None,
    certificate: CertificateStatement | None = None,
    sender_agreement: bool = False,
    plot_uuid: UUID | None = None,
) -> Lot:
    """Offer a farmer's harvest from his station: by himself, or by the officer under a living consent (代卖).

    Order of effects: rights, consent, every rule of `listing_rules`, then lot, stock, certificate,
    event, in one transaction. Raises NotFound, Forbidden, NoAgentConsent, or the first fault by name of
    its field.
    """
    with transaction.atomic():
        station, seller, consent = authorised_seller(
            principal=principal, station_uuid=station_uuid, farmer_uuid=farmer_uuid
        )
        product = Product.by_uuid(product_uuid, field="product_id")
        draft = LotDraft(
            product=product,
            seller=seller,
            station=station,
            hub=station.hub,
            place=station.place,
            quantity=quantity,
            price_fen=price_fen,
            harvested_on=harvested_on,
            shelf_life_days=shelf_life_days,
            zone=zone or None,
            certificate=stated(certificate, product, seller, quantity),
            sender_agreement=sender_agreement,
            plot=plot_of(seller, plot_uuid) if plot_uuid else None,
        )
        _refuse_faulty(draft)
        return create_lot(draft=draft, listed_by=acting_user(principal), consent=consent)


def stated(
    statement: CertificateStatement | None, product: Product, seller: Farmer, quantity: int
) -> CertificateFields | None:
    if statement is None:
        return None
    return statement.for_lot(product=product, seller=seller, quantity=quantity)


def list_hub_goods(
    *,
    principal: Principal,
    hub_uuid: UUID,
    product_uuid: UUID,
    seller_uuid: UUID,
    quantity: int,
    price_fen: int,
    arrived_on: date,
    sender_agreement: bool = True,
) -> Lot:
    """Offer goods that go down, lying at a hub. Raises NotFound, Forbidden, or the first fault."""
    principal.require("hub_operator", hub_uuid)
    with transaction.atomic():
        hub: Hub | None = Hub.objects.select_related("place").filter(uuid=hub_uuid).first()
        if hub is None:
            raise NotFound(field="hub_id")
        seller = Farmer.objects.filter(uuid=seller_uuid, hub=hub).first()
        if seller is None:
            raise NotFound(field="farmer_id")
        draft = LotDraft(
            product=Product.by_uuid(product_uuid, field="product_id"),
            seller=seller,
            station=None,
            hub=hub,
            place=hub.place,
            quantity=quantity,
            price_fen=price_fen,
            harvested_on=arrived_on,
            sender_agreement=sender_agreement,
        )
        _refuse_faulty(draft)
        return create_lot(draft=draft, listed_by=acting_user(principal), consent=None)


def withdraw_lot(*, principal: Principal, lot_uuid: UUID) -> Lot:
    """Stop offering a lot: what is promised stays promised, the rest goes back to the farmer.

    Withdrawing twice is the same. Raises NotFound, Forbidden naming `id`.
    """
    principal.require_signed_in()
    with transaction.atomic():
        lot = _lot_for_change(lot_uuid)
        if not may_change(principal, lot):
            raise Forbidden(field="id")
        if lot.status == LotStatus.LISTED:
            end_lot(lot=lot, status=states.WITHDRAWN, why="seller")
    return lot


def grant_returns(*, principal: Principal, lot_uuid: UUID, granted: bool) -> Lot:
    """The seller takes a lot's goods back within seven days without a reason, or no longer.

    Orders keep the rule of the moment they were placed. Raises NotFound, Forbidden naming `id`.
    """
    principal.require_signed_in()
    with transaction.atomic():
        lot = _lot_for_change(lot_uuid)
        if not may_change(principal, lot):
            raise Forbidden(field="id")
        lot.returns_granted = granted
        lot.save(update_fields=["returns_granted"])
    return lot


def withdraw_lots_under(*, consent_uuid: UUID) -> int:
    """A consent was revoked: what the station offers under it is withdrawn. Gives how many lots ended."""
    lots = Lot.objects.filter(agent_consent__uuid=consent_uuid, status=LotStatus.LISTED)
    return _end_all(
        list(lots.order_by("pk").values_list("uuid", flat=True)), states.WITHDRAWN, "consent_revoked"
    )


def expire_due_lots() -> int:
    """Due work: lots on their expiry day are no longer offered. Gives how many ended."""
    due = Lot.objects.filter(status=LotStatus.LISTED, expires_on__lte=clock.today()).order_by("pk")
    return _end_all(list(due.values_list("uuid", flat=True)), states.EXPIRED, "expired")


def authorised_seller(
    *, principal: Principal, station_uuid: UUID, farmer_uuid: UUID
) -> tuple[Station, Farmer, AgentConsent | None]:
    """Who may list for this farmer: himself without, the station's officer with a consent."""
    principal.require_signed_in()
    station: Station | None = (
        Station.objects.select_related("place", "hub").filter(uuid=station_uuid, active=True).first()
    )
    if station is None:
        raise NotFound(field="station_id")
    if farmer_uuid in principal.scopes(FARMER):
        return station, farmer_of(station, farmer_uuid), None
    if not principal.has(OFFICER, station.uuid):
        raise Forbidden(field="station_id")
    seller = farmer_of(station, farmer_uuid)
    consent = require_agent_consent(kind=ConsentKind.AGENT_SALE, party_uuid=farmer_uuid, station=station)
    return station, seller, consent


def create_lot(
    *, draft: LotDraft, listed_by: User | None, consent: AgentConsent | None, batch: LotImport | None = None
) -> Lot:
    """The rows of a draft that passed every rule, and the event; must run in a transaction."""
    lot: Lot = Lot.objects.create(
        product=draft.product,
        seller=draft.seller,
        station=draft.station,
        place=draft.place,
        hub=draft.hub,
        plot=draft.plot,
        listed_by_user=listed_by,
        agent_consent=consent,
        batch=batch,
        zone=draft.travelling_zone,
        listed_quantity=draft.quantity,
        available_quantity=draft.quantity,
        price_fen=draft.price_fen,
        harvested_on=draft.harvested_on if draft.station else None,
        expires_on=draft.expires_on,
        sender_agreement_at=clock.now() if draft.sender_agreement else None,
        listed_at=clock.now(),
    )
    Stock.objects.create(lot=lot, place=draft.place, on_hand=draft.quantity)
    if draft.certificate is not None:
        lot.certificates.add(issue_certificate(farmer=draft.seller, fields=draft.certificate))
    publish(
        LotListed(lot=lot.uuid),
        aggregate_kind="lot",
        aggregate_uuid=lot.uuid,
        actor_uuid=listed_by.uuid if listed_by else None,
    )
    return lot


def end_lot(*, lot: Lot, status: str, why: str) -> None:
    """Move a locked lot out of the shop and tell so; unsold goods leave the books."""
    states.LOT.check(lot.status, status)
    lot.status = LotStatus(status)
    lot.save(update_fields=["status"])
    Stock.objects.filter(lot=lot).update(on_hand=F("reserved"), offline_quota=0)
    refresh_available([lot.pk])
    lot.available_quantity = 0
    publish(LotWithdrawn(lot=lot.uuid, why=why), aggregate_kind="lot", aggregate_uuid=lot.uuid)


def may_change(principal: Principal, lot: Lot) -> bool:
    """A station's officer changes only his station's lots; a farmer his own; a hub operator his hub's
    goods.
    """
    if principal.has(FARMER, lot.seller.uuid):
        return True
    if lot.station is not None:
        return principal.has(OFFICER, lot.station.uuid)
    return principal.has("hub_operator", lot.hub.uuid)


def _lot_for_change(lot_uuid: UUID) -> Lot:
    """The lot, its stock rows locked before it is read: reservations wait, or have already happened."""
    found: Lot | None = Lot.objects.filter(uuid=lot_uuid).first()
    if found is None:
        raise NotFound(field="id")
    lock_stocks_of(found)
    lot: Lot = Lot.objects.select_related("product", "seller", "station", "hub", "place").get(pk=found.pk)
    return lot


def _end_all(lot_uuids: list[UUID], status: str, why: str) -> int:
    """Each lot in its own transaction; one that somebody ended in the meantime is left alone."""
    ended = 0
    for lot_uuid in lot_uuids:
        with transaction.atomic():
            lot = _lot_for_change(lot_uuid)
            if lot.status == LotStatus.LISTED and _still_due(lot, status):
                end_lot(lot=lot, status=status, why=why)
                ended += 1
    return ended


def _still_due(lot: Lot, status: str) -> bool:
    return status != states.EXPIRED or is_expired(expires_on=lot.expires_on, today=clock.today())


def _refuse_faulty(draft: LotDraft) -> None:
    for fault in faults(draft):
        raise fault
