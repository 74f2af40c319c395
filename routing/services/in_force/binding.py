"""What was promised about each shipment that is still to come, and who has it already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from marketplace.custody.models import HandlingUnit, UnitStatus
from marketplace.kernel import clock
from routing import rules
from routing.models import Breakdown, Route, Stop
from routing.services.waves.building import WaveProblem
from routing.solver.problem import Collection, Shipment, Window
from routing.solver.terms import Direction
from routing.states import LegKind, StopStatus

ENDED = (StopStatus.DONE, StopStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Lift:
    """What is not promised any more: legs (uuids) that may go anywhere, vehicles (uuids) that drive no
    more.
    """

    legs: frozenset[str] = frozenset()
    vehicles: frozenset[str] = frozenset()


NOTHING = Lift()


def held_by_broken(loaded: WaveProblem) -> dict[str, str]:
    """Vehicle by leg of what lies in a van that broke down, now or earlier today: as custody has it."""
    if not loaded.breakdowns:
        return {}
    units = HandlingUnit.objects.filter(
        holder_kind="vehicle", holder_uuid__in=list(loaded.breakdowns), reference__isnull=False
    ).exclude(status=UnitStatus.CLOSED)
    holders = dict(units.values_list("reference", "holder_uuid"))
    return {
        label: str(holders[leg.shipment.reference])
        for label, leg in loaded.legs.items()
        if leg.kind != LegKind.COLLECT and leg.shipment.reference in holders
    }


def left_at(stop: Stop) -> datetime:
    """When the van leaves a stop behind it, or where it stands now."""
    return stop.ended_at if stop.status in ENDED and stop.ended_at else stop.departs_at


class Promises:
    """Shipments of what is to come, each bound by what was promised about it."""

    def __init__(
        self,
        loaded: WaveProblem,
        routes: Mapping[str, Route],
        past: Mapping[str, list[Stop]],
        tails: Mapping[str, list[Stop]],
        lift: Lift,
        started: set[str],
        driving: set[str],
        held: Mapping[str, str],
    ) -> None:
        self.loaded, self.lift, self.started, self.held = loaded, lift, started, held
        self.routes, self.past = routes, past
        self.at_hub = frozenset(driving - started)
        self.driving = frozenset(driving)
        self.stops: dict[tuple[str, str], tuple[str, Stop]] = {}
        for label, stops in tails.items():
            for stop in stops:
                for task in stop.tasks.all():
                    self.stops[str(task.leg.uuid), task.kind] = (label, stop)
        self.boarded = {
            str(task.leg.uuid): label
            for label, stops in past.items()
            for stop in stops
            for task in stop.tasks.all()
            if task.kind == "collect" and stop.status != StopStatus.FAILED
        }
        self.here = {
            str(task.leg.uuid)
            for stops in past.values()
            for stop in stops
            if stop.status == StopStatus.ARRIVED
            for task in stop.tasks.all()
            if not (task.kind == "collect" and task.leg.kind != LegKind.COLLECT)
        }
        #: what a courier is taking aboard at this moment
        self.boarding = {
            str(task.leg.uuid)
            for stops in past.values()
            for stop in stops
            if stop.status == StopStatus.ARRIVED
            for task in stop.tasks.all()
            if task.kind == "collect"
        }

    def shipments(self) -> Iterable[Shipment]:
        for shipment in self.loaded.problem.shipments:
            if shipment.id not in self.here:  # what the van is handling now is nobody's to plan
                yield self._bound(shipment)

    def _bound(self, shipment: Shipment) -> Shipment:
        at = self.stops.get((shipment.id, "drop")) or self.stops.get((shipment.id, "collect"))
        label, stop = at or ("", None)
        carrier = self._carrier(shipment, label)
        breakdown = self.loaded.breakdowns.get(carrier)
        if shipment.direction is Direction.PAIR and (shipment.id in self.boarded or breakdown is not None):
            shipment = replace(shipment, direction=Direction.DOWN, collection=None)
        if breakdown is not None and breakdown.ended_at is None and shipment.direction is not Direction.UP:
            shipment = self._met(shipment, carrier, breakdown)
        elif shipment.direction is Direction.DOWN:
            aboard = carrier and carrier in self.started
            shipment = replace(
                shipment,
                vehicles=frozenset({carrier}) & self.driving if aboard else self.at_hub,
                cold_budget_s=self._cold_left(shipment, carrier) if aboard else shipment.cold_budget_s,
                release_s=None if aboard else shipment.release_s,
            )
        if stop is None or shipment.id in self.lift.legs or label in self.lift.vehicles:
            return shipment
        kept = tuple(
            replace(option, window=self._around(label, stop))
            for option in shipment.options
            if option.place == str(stop.place.uuid)
        )
        return replace(shipment, options=kept or shipment.options)

    def _carrier(self, shipment: Shipment, label: str) -> str:
        """The van that has it, by custody where one broke down, else by the tours; empty: none, it waits."""
        boarded, held = self.boarded.get(shipment.id, ""), self.held.get(shipment.id, "")
        if held and shipment.id not in self.boarding:
            return held
        on_tour = label in self.started and label not in self.loaded.breakdowns
        return boarded or (label if on_tour else "")

    def _met(self, shipment: Shipment, carrier: str, breakdown: Breakdown) -> Shipment:
        """It lies in a van that stands: any other may fetch it there, while half of its cold budget lasts."""
        budget_s, window = self._cold_left(shipment, carrier), None
        if budget_s is not None:
            stands_s = (breakdown.reported_at - clock.at(self.loaded.day, 0)).total_seconds()
            waits_s = budget_s * rules.MEET_COLD_SHARE
            budget_s, window = budget_s - waits_s, Window(min(0.0, stands_s), stands_s + waits_s)
        return replace(
            shipment,
            direction=Direction.PAIR,
            collection=Collection(str(breakdown.place.uuid), window, rules.TRANSFER_S),
            vehicles=None,
            release_s=None,
            cold_budget_s=budget_s,
        )

    def _cold_left(self, shipment: Shipment, label: str) -> float | None:
        """Each stop of the tour so far has opened the doors once."""
        if shipment.cold_budget_s is None:
            return None
        return max(0.0, float(shipment.cold_budget_s) - rules.DOOR_S * len(self.past.get(label, [])))

    def _around(self, label: str, stop: Stop) -> Window:
        """The promised half hour, wider by as much as the van is late already."""
        at_s = (stop.arrives_at - clock.at(self.loaded.day, 0)).total_seconds()
        slack_s = rules.PROMISE.total_seconds()
        return Window(at_s - slack_s, at_s + slack_s + self._late_s(label))

    def _late_s(self, label: str) -> float:
        """How late the van is: at its last stop, or because it has not left yet."""
        if label in self.started:
            past = self.past[label]
            late = left_at(past[-1]) - past[-1].departs_at if past else timedelta()
        else:
            late = clock.now() - self.routes[label].departs_at
        return max(0.0, late.total_seconds())
