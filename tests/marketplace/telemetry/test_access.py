"""Breaches are for the people of the county where the asset stands."""

from typing import Any

import pytest

from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from marketplace.kernel.temperature import Band
from marketplace.telemetry.models import Breach
from marketplace.telemetry.services import Asset, register_probe
from marketplace.telemetry.services.access import visible_breaches
from tests.factories.accounts import make_principal
from tests.factories.places import make_county, make_hub

pytestmark = pytest.mark.django_db


def breach_in(county: Any) -> Breach:
    asset = Asset("cabinet", uuid7(), "chilled", county.uuid)
    probe = register_probe(device=f"P{asset.uuid.hex[-8:]}", label="chilled-1", asset=asset, band=Band(2, 4))
    breach: Breach = Breach.objects.create(
        probe=probe, asset_kind="cabinet", asset_uuid=asset.uuid, zone="chilled", side="above", limit_c=4,
        started_at=clock.now(), peak_c=9, minutes=40, noticed_at=clock.now(),
    )  # fmt: skip
    return breach


def test_each_county_sees_its_own_and_the_city_all() -> None:
    here, there = make_county(), make_county(code="360981", name="丰城市")
    mine, other = breach_in(here), breach_in(there)
    hub = make_hub(county=here)
    seen = {
        "cabinet_operator": make_principal("cabinet_operator", "county", here.uuid),
        "county_reviewer": make_principal("county_reviewer", "county", here.uuid),
        "hub_operator": make_principal("hub_operator", "hub", hub.uuid),
        "dispatcher": make_principal("dispatcher", "hub", hub.uuid),
        "courier": make_principal("courier", "carrier", uuid7()),
        "city_viewer": make_principal("city_viewer"),
        "platform": make_principal("platform"),
    }
    assert {role: set(visible_breaches(principal=who)) for role, who in seen.items()} == {
        **{key: {mine} for key in ("cabinet_operator", "county_reviewer", "hub_operator", "dispatcher")},
        "courier": set(),
        "city_viewer": {mine, other},
        "platform": {mine, other},
    }
