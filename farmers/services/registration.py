"""Registering farmers and villagers at a station, with the least data that the law asks for."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from django.db import IntegrityError, transaction

from farmers.errors import AlreadyRegistered, LicenceMissing, NotDeclared
from farmers.kinds import LicenceKind, SellerKind
from farmers.models import Farmer, SellerLicence, Station, Villager
from farmers.services.access import acting_user, station_for
from marketplace.accounts.models import User
from marketplace.accounts.services.memberships import grant
from marketplace.accounts.services.sign_in import checked_phone
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.principal import Principal
from marketplace.kernel.texts import require_text

MAX_NAME = 60


def register_farmer(
    *,
    principal: Principal,
    station_uuid: UUID,
    name: str,
    phone: str,
    seller_kind: str,
    own_produce_declared: bool,
    licence_number: str = "",
) -> Farmer:
    """Record a seller at the officer's station and bind his phone, so that he may sign in as this farmer.

    A household declares its own produce and the officer attests it (E-commerce Law 10); everybody else brings
    a business licence. Raises InvalidInput, NotDeclared, LicenceMissing, AlreadyRegistered.
    """
    station = station_for(principal=principal, station_uuid=station_uuid)
    if seller_kind not in SellerKind.values:
        raise InvalidInput(N_("没有这种卖家类型"), field="seller_kind")
    household = seller_kind == SellerKind.HOUSEHOLD
    if household and not own_produce_declared:
        raise NotDeclared(field="own_produce_declared")
    wanted_name, number = checked_name(name), checked_phone(phone)
    if not household and not licence_number.strip():
        params = {"seller": wanted_name, "licence": str(LicenceKind.BUSINESS.label)}
        raise LicenceMissing(field="licence_number", params=params)
    with transaction.atomic():
        farmer = _create_farmer(
            station=station,
            name=wanted_name,
            phone=number,
            seller_kind=seller_kind,
            declared=own_produce_declared,
            attested_by=acting_user(principal),
        )
        if not household:
            add_licence(farmer=farmer, kind=LicenceKind.BUSINESS, number=licence_number)
    return farmer


def register_villager(*, principal: Principal, station_uuid: UUID, name: str, phone: str = "") -> Villager:
    """Record somebody the station orders for. Raises InvalidInput, AlreadyRegistered."""
    station = station_for(principal=principal, station_uuid=station_uuid)
    wanted_name = checked_name(name)
    number = checked_phone(phone) if phone.strip() else ""
    try:
        with transaction.atomic():
            villager: Villager = Villager.objects.create(
                name=wanted_name, phone=number, station=station, registered_at=clock.now()
            )
    except IntegrityError:
        raise AlreadyRegistered(field="name", params={"name": wanted_name}) from None
    return villager


def add_licence(*, farmer: Farmer, kind: str, number: str, valid_until: date | None = None) -> SellerLicence:
    """Put a licence on file, or its renewal over the old one."""
    if kind not in LicenceKind.values:
        raise InvalidInput(field="licence_number")
    wanted = require_text(number, most=MAX_NAME, field="licence_number")
    licence, _ = SellerLicence.objects.update_or_create(
        farmer=farmer, kind=kind, defaults={"number": wanted, "valid_until": valid_until}
    )
    return licence


def valid_licences(farmer: Farmer) -> Mapping[str, SellerLicence]:
    """kind -> licence, for those still good today."""
    today = clock.today()
    return {
        licence.kind: licence
        for licence in farmer.licences.all()
        if licence.valid_until is None or licence.valid_until >= today
    }


def checked_name(name: str, field: str = "name") -> str:
    """The name without outer blanks. Raises InvalidInput when empty or over 60 characters."""
    text = " ".join(name.split())
    if not 1 <= len(text) <= MAX_NAME:
        raise InvalidInput(N_("姓名应为 1 到 %(most)s 个字"), field=field, params={"most": MAX_NAME})
    return text


def _create_farmer(
    *, station: Station, name: str, phone: str, seller_kind: str, declared: bool, attested_by: User | None
) -> Farmer:
    user, _ = User.objects.get_or_create(
        phone=phone, defaults={"name": name, "password": "!", "joined_at": clock.now()}
    )
    household = seller_kind == SellerKind.HOUSEHOLD
    try:
        with transaction.atomic():
            farmer: Farmer = Farmer.objects.create(
                name=name,
                phone=phone,
                seller_kind=seller_kind,
                station=station,
                user=user,
                own_produce_declared_at=clock.now() if declared else None,
                attested_by=attested_by if household else None,
                registered_at=clock.now(),
            )
    except IntegrityError:
        raise AlreadyRegistered(field="phone", params={"name": name}) from None
    grant(user=user, role="farmer", scope_kind="farmer", scope_uuid=farmer.uuid, scope_label=name)
    return farmer
