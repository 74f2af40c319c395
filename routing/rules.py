"""Numbers of the day and the road. Estimates of domain (d) unless said otherwise; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from marketplace.kernel import clock
from marketplace.kernel.temperature import Zone
from routing.states import Wave

#: plans for the next day are made from this hour of the day before (day.md)
PLAN_HOUR = 19
#: road = great circle x this, where no road server answers
DETOUR = 1.4
COUNTRY_KMH = 35
TOWN_KMH = 25
#: what one stop costs each cold parcel aboard while the doors stand open
DOOR_S = 60
#: handling per parcel by kind of place, and per crate or parcel collected at a station
DROP_S = {"cabinet_site": 20, "station": 5, "door": 60}
COLLECT_S = 60
#: at a van that broke down: what the stop takes, and each parcel from van to van (guess)
MEET_SETUP_S = 180
TRANSFER_S = 10
#: share of the cold budget left that may pass until another van comes; the doors of a dead van keep no cold
MEET_COLD_SHARE = 0.5
#: minutes outside their zone that goods spend between the waves: weighing, portioning, sorting at the hub
CONSOLIDATION_COLD_MIN = 20
TRUNK_COLD_MIN = 10
#: share of what is left of the cold budget that the collecting loop may spend
COLLECT_COLD_SHARE = 0.5
#: serving comes before every cost of driving; a shipment's own value orders what must stay
SERVICE_FEN = 1_000_000
#: estimate for a loaded light van
CO2_G_PER_KM = 210
#: seconds that a search may take when nobody says otherwise
PLAN_SECONDS = 6.0
#: most that a search takes unasked, and legs that are worth one second more
MOST_SECONDS = 60.0
LEGS_A_SECOND = 60
#: seconds of each search for the day's summary
INSIGHT_SECONDS = 3.0
#: the last trunk of the day is in (day.md)
TRUNK_ARRIVES = time(15, 30)
#: parcels that share a van's way: 70 % fill of 4.8 m³
PARCELS_A_TRIP = 230
#: a promised arrival may be this early or late
PROMISE = timedelta(minutes=30)
#: delivery to a pickup point; the buyer's price before any subsidy (guess)
BASE_FEN = 150
FEN_PER_KM = 12


@dataclass(frozen=True, slots=True)
class WaveTimes:
    """When the vans of a wave are out, in Yichun time."""

    starts: time
    ends: time
    speed_kmh: int

    def opens_at(self, day: date) -> datetime:
        return datetime.combine(day, self.starts, clock.SHANGHAI)

    def closes_at(self, day: date) -> datetime:
        return datetime.combine(day, self.ends, clock.SHANGHAI)


WAVES = {
    Wave.VILLAGE_LOOP: WaveTimes(time(6, 30), time(13, 0), COUNTRY_KMH),
    Wave.TOWN_DELIVERY: WaveTimes(time(15, 0), time(19, 0), TOWN_KMH),
}

COLD_ZONES = frozenset({Zone.COOL, Zone.CHILLED, Zone.FROZEN})


def plan_seconds(legs: int) -> float:
    """What a search may take for a wave of this size, when nobody says otherwise."""
    return min(MOST_SECONDS, max(PLAN_SECONDS, legs / LEGS_A_SECOND))


def planned_from(day: date) -> datetime:
    """From when on the waves of a day are planned."""
    return clock.at(day - timedelta(days=1), PLAN_HOUR)


def seconds_of(moment: time) -> int:
    """Seconds since midnight, which is the solver's clock."""
    return moment.hour * 3600 + moment.minute * 60 + moment.second


def collect_budget_s(cold_budget_min: int) -> int:
    """Cold seconds that the collecting loop may spend of a budget that also covers hub and delivery."""
    rest = max(0, cold_budget_min - CONSOLIDATION_COLD_MIN)
    return round(60 * rest * COLLECT_COLD_SHARE)


def deliver_budget_s(cold_budget_min: int, *, collected_min: int | None, trunk: bool) -> int:
    """Cold seconds left for the delivery. `collected_min` None: the collecting loop is not planned yet."""
    spent = CONSOLIDATION_COLD_MIN + (TRUNK_COLD_MIN if trunk else 0)
    spent += collected_min if collected_min is not None else collect_budget_s(cold_budget_min) // 60
    return max(0, cold_budget_min - spent) * 60
