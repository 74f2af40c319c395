"""Stations, farmers, villagers and consents in GraphQL. Names and phones only for who serves these people."""

import graphene

from farmers.masking import masked_phone
from farmers.services import access, consents, reading, registration, service_log
from marketplace.api.guard import SIGNED_IN, guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from marketplace.places.schema import CountyType, PlaceType

OFFICERS = roles("information_officer")


def _uuid_or_none(text, field):
    return parse_uuid(text, field) if text else None


class AgentConsentType(graphene.ObjectType):
    class Meta:
        name = "AgentConsent"

    id = graphene.ID(required=True)
    kind = graphene.String(required=True)
    farmer_id = graphene.ID()
    villager_id = graphene.ID()
    station_id = graphene.ID(required=True)
    evidence_kind = graphene.String(required=True)
    recorded_at = graphene.DateTime(required=True)
    revoked_at = graphene.DateTime()

    def resolve_id(consent, info):
        return consent.uuid

    def resolve_farmer_id(consent, info):
        return consent.farmer.uuid if consent.farmer else None

    def resolve_villager_id(consent, info):
        return consent.villager.uuid if consent.villager else None

    def resolve_station_id(consent, info):
        return consent.station.uuid


class _Person(graphene.ObjectType):
    id = graphene.ID(required=True)
    name = graphene.String(required=True)
    phone = graphene.String(required=True)
    phone_masked = graphene.String(required=True)
    consent = graphene.Field(AgentConsentType, description="the living 代办授权")
    consents = graphene.List(graphene.NonNull(AgentConsentType), required=True, description="newest first")

    def resolve_id(person, info):
        return person.uuid

    def resolve_phone_masked(person, info):
        return masked_phone(person.phone)

    def resolve_consent(person, info):
        return next((consent for consent in person.consents.all() if consent.revoked_at is None), None)

    def resolve_consents(person, info):
        return sorted(person.consents.all(), key=lambda consent: -consent.pk)


class FarmerType(_Person):
    class Meta:
        name = "Farmer"

    seller_kind = graphene.String(required=True)
    own_produce_declared = graphene.Boolean(required=True)
    trace_subject_code = graphene.String(required=True)
    registered_at = graphene.DateTime(required=True)
    station = graphene.Field(lambda: StationType)

    def resolve_own_produce_declared(farmer, info):
        return farmer.own_produce_declared_at is not None


class VillagerType(_Person):
    class Meta:
        name = "Villager"

    registered_at = graphene.DateTime(required=True)


class StationType(graphene.ObjectType):
    class Meta:
        name = "Station"

    id = graphene.ID(required=True)
    code = graphene.String(required=True)
    name = graphene.String(required=True)
    grade = graphene.String(required=True)
    services = graphene.List(graphene.NonNull(graphene.String), required=True)
    phone = graphene.String(required=True)
    has_fridge = graphene.Boolean(required=True)
    has_freezer = graphene.Boolean(required=True)
    active = graphene.Boolean(required=True)
    place = graphene.Field(PlaceType, required=True)
    county = graphene.Field(CountyType, required=True)
    hub_id = graphene.ID(required=True)
    farmers = graphene.List(
        graphene.NonNull(FarmerType), required=True, description="for its officer and the county's reviewer"
    )
    villagers = graphene.List(
        graphene.NonNull(VillagerType), required=True, description="for its officer and the county's reviewer"
    )

    def resolve_id(station, info):
        return station.uuid

    def resolve_hub_id(station, info):
        return station.hub.uuid

    def resolve_farmers(station, info):
        return reading.farmers_of(principal=info.context.principal, station=station)

    def resolve_villagers(station, info):
        return reading.villagers_of(principal=info.context.principal, station=station)


class ServiceRecordType(graphene.ObjectType):
    class Meta:
        name = "ServiceRecord"

    id = graphene.ID(required=True)
    kind = graphene.String(required=True)
    what = graphene.String(required=True)
    fee_fen = graphene.Int(required=True)
    done_at = graphene.DateTime(required=True)

    def resolve_id(record, info):
        return record.uuid


class SellerType(graphene.ObjectType):
    """What a buyer sees of a farmer."""

    class Meta:
        name = "Seller"

    id = graphene.ID(required=True)
    name = graphene.String(required=True)
    seller_kind = graphene.String(required=True)
    station = graphene.Field(StationType)

    def resolve_id(farmer, info):
        return farmer.uuid


class CertificateType(graphene.ObjectType):
    class Meta:
        name = "Certificate"

    id = graphene.ID(required=True)
    title = graphene.String(required=True, description="the words 承诺达标合格证")
    number = graphene.String(required=True)
    commitment = graphene.String(required=True)
    basis = graphene.String(required=True)
    product_name = graphene.String(required=True)
    quantity = graphene.Int(required=True)
    unit = graphene.String(required=True)
    origin = graphene.String(required=True)
    issued_on = graphene.Date(required=True)
    issuer = graphene.String(required=True)
    contact = graphene.String(required=True)
    sha256 = graphene.String(required=True)
    replaced = graphene.Boolean(required=True)

    def resolve_id(certificate, info):
        return certificate.uuid

    def resolve_title(certificate, info):
        return "承诺达标合格证"

    def resolve_replaced(certificate, info):
        return certificate.replaced_by_id is not None


class Query(graphene.ObjectType):
    station = graphene.Field(StationType, id=graphene.ID(required=True))
    my_stations = graphene.List(graphene.NonNull(StationType), required=True)
    my_farmers = graphene.List(graphene.NonNull(FarmerType), required=True)

    @guarded(SIGNED_IN)
    def resolve_station(root, info, id):
        return reading.find_station(parse_uuid(id, "id"))

    @guarded(SIGNED_IN)
    def resolve_my_stations(root, info):
        return access.my_stations(info.context.principal)

    @guarded(SIGNED_IN)
    def resolve_my_farmers(root, info):
        return reading.my_farmers(info.context.principal)


class RegisterFarmer(Command):
    class Arguments:
        station_id = graphene.ID(required=True)
        name = graphene.String(required=True)
        phone = graphene.String(required=True)
        seller_kind = graphene.String(required=True)
        own_produce_declared = graphene.Boolean(required=True)
        licence_number = graphene.String(description="营业执照, for everybody but households")

    farmer = graphene.Field(FarmerType)
    rule = OFFICERS
    idempotent = True
    offline = True

    @classmethod
    def perform(cls, principal, *, station_id, licence_number=None, **fields):
        farmer = registration.register_farmer(
            principal=principal,
            station_uuid=parse_uuid(station_id, "station_id"),
            licence_number=licence_number or "",
            **fields,
        )
        return {"farmer": farmer}


class RegisterVillager(Command):
    class Arguments:
        station_id = graphene.ID(required=True)
        name = graphene.String(required=True)
        phone = graphene.String()

    villager = graphene.Field(VillagerType)
    rule = OFFICERS
    idempotent = True
    offline = True

    @classmethod
    def perform(cls, principal, *, station_id, name, phone=None):
        villager = registration.register_villager(
            principal=principal,
            station_uuid=parse_uuid(station_id, "station_id"),
            name=name,
            phone=phone or "",
        )
        return {"villager": villager}


class RecordAgentConsent(Command):
    class Arguments:
        kind = graphene.String(required=True)
        farmer_id = graphene.ID()
        villager_id = graphene.ID()
        station_id = graphene.ID(required=True)
        evidence_kind = graphene.String(required=True)
        evidence_file_id = graphene.ID()

    consent = graphene.Field(AgentConsentType)
    rule = OFFICERS
    idempotent = True
    offline = True

    @classmethod
    def perform(
        cls,
        principal,
        *,
        kind,
        station_id,
        evidence_kind,
        farmer_id=None,
        villager_id=None,
        evidence_file_id=None,
    ):
        consent = consents.record_agent_consent(
            principal=principal,
            kind=kind,
            station_uuid=parse_uuid(station_id, "station_id"),
            farmer_uuid=_uuid_or_none(farmer_id, "farmer_id"),
            villager_uuid=_uuid_or_none(villager_id, "villager_id"),
            evidence_kind=evidence_kind,
            evidence_file_uuid=_uuid_or_none(evidence_file_id, "evidence_file_id"),
        )
        return {"consent": consent}


class RevokeAgentConsent(Command):
    class Arguments:
        id = graphene.ID(required=True)

    consent = graphene.Field(AgentConsentType)
    rule = SIGNED_IN

    @classmethod
    def perform(cls, principal, *, id):
        uuid = parse_uuid(id, "id")
        return {"consent": consents.revoke_agent_consent(principal=principal, consent_uuid=uuid)}


class LogService(Command):
    class Arguments:
        station_id = graphene.ID(required=True)
        kind = graphene.String(required=True)
        what = graphene.String(required=True)
        villager_id = graphene.ID()
        fee_fen = graphene.Int()

    record = graphene.Field(ServiceRecordType)
    rule = OFFICERS
    idempotent = True
    offline = True

    @classmethod
    def perform(cls, principal, *, station_id, kind, what, villager_id=None, fee_fen=None):
        record = service_log.log_service(
            principal=principal,
            station_uuid=parse_uuid(station_id, "station_id"),
            kind=kind,
            what=what,
            villager_uuid=_uuid_or_none(villager_id, "villager_id"),
            fee_fen=fee_fen or 0,
        )
        return {"record": record}


class Mutation(graphene.ObjectType):
    register_farmer = RegisterFarmer.Field()
    register_villager = RegisterVillager.Field()
    record_agent_consent = RecordAgentConsent.Field()
    revoke_agent_consent = RevokeAgentConsent.Field()
    log_service = LogService.Field()
