"""The one door: a world into an empty database, business time on the eve of its day."""

from datetime import timedelta

from django.core.management import call_command
from django.db import transaction

from marketplace.database.business_time import set_business_time
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Conflict
from marketplace.places.models import Hub
from marketplace.simulation.loading import cabinets, goods, ground, people
from marketplace.simulation.loading.index import Index
from marketplace.simulation.worlds import World

EVE_STARTS_HOUR = 8


class WorldPresent(Conflict):
    code = "world_present"
    message = N_("数据库里已经有一个世界，用 --reset 重新开始")


def load(world: World, *, reset: bool = False) -> Index:
    """Write `world` in one transaction; business time stands at 08:00 on the eve.

    Order: reset, clock, places and vehicles, people, cabinets, goods. Raises WorldPresent when places exist
    already and `reset` was not asked for.
    """
    if reset:
        call_command("flush", interactive=False, verbosity=0)
    with transaction.atomic():
        if Hub.objects.exists():
            raise WorldPresent
        set_business_time(at=clock.at(world.day - timedelta(days=1), EVE_STARTS_HOUR), frozen=True)
        index = Index(world)
        ground.load(index)
        people.load(index)
        cabinets.load(index)
        goods.load(index)
    return index
