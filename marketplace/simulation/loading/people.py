"""Users with PINs and roles; stations, farmers, villagers, and the consents they gave."""

from django.contrib.auth.hashers import make_password

from farmers.kinds import ConsentKind, EvidenceKind, SellerKind, ServiceKind
from farmers.models import AgentConsent, Farmer, SellerLicence, Station, Villager
from marketplace.accounts.models import DeliveryConsent, Membership, User
from marketplace.kernel import clock
from marketplace.places.models import Carrier, County, Hub, Place
from marketplace.simulation.loading.index import Index
from marketplace.simulation.worlds import nouns

_SCOPES: dict[str, type[Station] | type[Farmer] | type[Hub] | type[Carrier] | type[County]] = {
    "station": Station,
    "farmer": Farmer,
    "hub": Hub,
    "carrier": Carrier,
    "county": County,
}


def load(index: Index) -> None:
    """Users first: farmers are bound to theirs; memberships last, since their scopes must exist."""
    _users(index)
    _stations(index)
    _farmers(index)
    _villagers(index)
    _memberships(index)
    _delivery_consents(index)


def _users(index: Index) -> None:
    index.keep(
        {user.key: user for user in index.world.users},
        User,
        lambda user: {
            "phone": user.phone,
            "name": user.name,
            "password": make_password(user.pin),
            "joined_at": clock.now(),
        },
    )


def _stations(index: Index) -> None:
    world = index.world
    index.keep(
        {station.key: station for station in world.stations},
        Station,
        lambda station: {
            "code": station.code,
            "name": station.name,
            "grade": station.grade,
            "place": index.get(Place, station.place),
            "county": index.get(Place, station.place).county,
            "hub": index.get(Hub, station.hub),
            "services": list(ServiceKind.values),
            "phone": station.phone,
            "has_fridge": station.has_fridge,
            "has_freezer": station.has_freezer,
        },
    )


def _farmers(index: Index) -> None:
    world = index.world
    officer = {
        member.scope: index.get(User, user.key)
        for user in world.users
        for member in user.memberships
        if member.role == "information_officer"
    }
    index.keep({f.key: f for f in world.farmers}, Farmer, lambda farmer: _farmer(index, farmer, officer))
    index.keep(
        {f"{f.key}:{kind}": (f, kind) for f in world.farmers for kind in f.licences},
        SellerLicence,
        lambda pair: {
            "farmer": index.get(Farmer, pair[0].key),
            "kind": pair[1],
            "number": f"赣{pair[1][:1].upper()}{pair[0].phone[-8:]}",
        },
    )
    index.keep(
        {farmer.key: farmer for farmer in world.farmers if farmer.consent_on_file},
        AgentConsent,
        lambda farmer: {
            "kind": ConsentKind.AGENT_SALE,
            "station": index.get(Station, farmer.station or ""),
            "farmer": index.get(Farmer, farmer.key),
            "evidence_kind": EvidenceKind.PRINTED_FORM,
            "recorded_by": officer[farmer.station],
            "recorded_at": clock.now(),
        },
    )


def _farmer(index: Index, farmer: nouns.Farmer, officer: dict[str | None, User]) -> dict[str, object]:
    household = farmer.seller_kind == SellerKind.HOUSEHOLD
    return {
        "name": farmer.name,
        "phone": farmer.phone,
        "seller_kind": farmer.seller_kind,
        "station": index.get(Station, farmer.station) if farmer.station else None,
        "hub": None if farmer.station else index.get(Hub, farmer.hub),
        "user": index.all(User).get(f"user:{farmer.key}"),
        "own_produce_declared_at": clock.now() if household else None,
        "attested_by": officer.get(farmer.station) if household else None,
        "registered_at": clock.now(),
    }


def _villagers(index: Index) -> None:
    """Villagers; those who order goods let their station order for them (代买)."""
    world = index.world
    index.keep(
        {villager.key: villager for villager in world.villagers},
        Villager,
        lambda villager: {
            "name": villager.name,
            "phone": villager.phone or "",
            "station": index.get(Station, villager.station),
            "registered_at": clock.now(),
        },
    )
    index.keep(
        {villager.key: villager for villager in world.villagers if villager.consent_on_file},
        AgentConsent,
        lambda villager: {
            "kind": ConsentKind.AGENT_PURCHASE,
            "station": index.get(Station, villager.station),
            "villager": index.get(Villager, villager.key),
            "evidence_kind": EvidenceKind.PRINTED_FORM,
            "recorded_at": clock.now(),
        },
    )


def _memberships(index: Index) -> None:
    """Scope labels are what a person sees beside the role."""
    members = {
        f"{user.key}:{number}": (user, member)
        for user in index.world.users
        for number, member in enumerate(user.memberships)
    }

    def fields(pair: tuple[nouns.User, nouns.Membership]) -> dict[str, object]:
        user, member = pair
        row = index.get(_SCOPES[member.scope_kind], member.scope) if member.scope else None
        return {
            "user": index.get(User, user.key),
            "role": member.role,
            "scope_kind": member.scope_kind,
            "scope_uuid": row and row.uuid,
            "scope_label": row.name if row else "",
        }

    index.keep(members, Membership, fields)


def _delivery_consents(index: Index) -> None:
    index.keep(
        {f"{buyer.key}:{place}": (buyer, place) for buyer in index.world.buyers for place in buyer.consents},
        DeliveryConsent,
        lambda pair: {
            "user": index.get(User, pair[0].user),
            "place_uuid": index.get(Place, pair[1]).uuid,
            "standing": True,
            "granted_at": clock.now(),
        },
    )
