"""Generated days, and their fall into parts: nothing lost, nothing twice, plans hold."""

from __future__ import annotations

import pytest

from routing.solver.check import check
from routing.solver.engines.yinong.decompose import parts
from routing.solver.errors import Unsupported
from routing.solver.solve import Limits, solve
from routing.solver.terms import Direction, Goods, Zone
from routing.solver.worlds import HUBS, world


def test_a_world_is_the_same_again_and_as_the_days_table_says() -> None:
    one, again = world("county"), world("county")
    assert one.places == again.places
    assert one.shipments == again.shipments
    assert len(one.vehicles) == 14
    assert sum("/st" in place.id for place in one.places) == 110
    assert sum(place.cells is not None for place in one.places) == 14
    assert len(one.shipments) == 3_600
    assert sum(item.direction is Direction.DOWN for item in one.shipments) == 3_300
    choosing = sum(len(item.options) > 1 for item in one.shipments)
    assert choosing >= 0.4 * len(one.shipments)
    cold = sum(item.zone is not Zone.AMBIENT for item in one.shipments)
    assert 0.09 <= cold / len(one.shipments) <= 0.15


def test_the_plain_county_has_nothing_that_peers_cannot_say() -> None:
    plain = world("county-plain", shipments=300)
    assert all(place.cells is None for place in plain.places)
    assert all(item.cold_budget_s is None and item.goods is Goods.NEUTRAL for item in plain.shipments)


def test_an_unknown_world_is_refused() -> None:
    with pytest.raises(Unsupported, match="unknown world 'moon'"):
        world("moon")


def test_a_city_falls_into_its_hubs_and_nothing_is_lost() -> None:
    city = world("city", shipments=300)
    cut = parts(city)
    assert len(cut) == len(HUBS)
    names = sorted(item.id for part in cut for item in part.shipments)
    assert names == sorted(item.id for item in city.shipments)
    assert sorted(v.id for part in cut for v in part.vehicles) == sorted(v.id for v in city.vehicles)


def test_a_county_stays_whole() -> None:
    county = world("county", shipments=200)
    assert parts(county) == [county]


def test_the_parts_plans_are_a_plan_of_the_city() -> None:
    city = world("city", shipments=150)
    plan = solve(city, engine="yinong", limits=Limits(iterations=20, workers=2), seed=1)
    assert check(city, plan).feasible
    served = {h.shipment for route in plan.routes for h in route.handlings()}
    assert served | {item.shipment for item in plan.unserved} == {item.id for item in city.shipments}
    assert len(served) >= 0.95 * len(city.shipments)
