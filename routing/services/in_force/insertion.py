"""Late legs go into the plan in force at the place that costs least; what was promised stays promised.

The published order of each van is kept, and every stop keeps its arrival within the promised half hour. The
result is a new version of the plan, proved and published like any other.
"""

from __future__ import annotations

from datetime import date

from marketplace.places.models import Hub
from routing.errors import PlanChanged, PlanRefused
from routing.models import Plan
from routing.services.in_force.amending import amend_plan
from routing.services.in_force.standing import stand
from routing.services.waves.publishing import Proposal
from routing.solver.check import check
from routing.solver.core.finish import finish
from routing.states import PlanCause, PlanStatus, Wave

ENGINE = "insertion"


def insert_open_legs(*, hub: Hub, day: date, wave: Wave) -> Plan:
    """Put every leg that the plan in force does not carry where it costs least. Gives the plan in force.

    Raises PlanRefused when the published routes no longer hold (a place closed, a van withdrawn).
    """
    standing = stand(hub=hub, day=day, wave=wave)
    loaded, plan = standing.loaded, standing.plan
    served = plan.served()
    late = [number for number in range(len(loaded.problem.shipments)) if number not in served]
    plan.insert_rest()
    solution = finish(plan, engine=ENGINE, seed=0)
    verdict = check(loaded.problem, solution)
    if not verdict.feasible:
        raise PlanRefused(params={"why": "; ".join(map(str, verdict.violations[:3]))})
    metrics = {"shipments": len(loaded.legs), "inserted": len(late) - len(solution.unserved)}
    try:
        return amend_plan(Proposal(loaded, solution, verdict, metrics, cause=PlanCause.LATE), standing).plan
    except PlanChanged:
        # Somebody published meanwhile: his version stands, and what is still open is due again.
        return Plan.objects.get(hub=hub, date=day, wave=wave, status=PlanStatus.PUBLISHED)
