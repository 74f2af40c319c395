"""The solver's reasons as a dispatcher reads them."""

from django.utils.translation import gettext

from marketplace.kernel.errors import N_

REASONS = {
    "no_option": N_("没有可用的取货点"),
    "no_cell": N_("没有空格口"),
    "access": N_("车辆到不了"),
    "segregation": N_("不能与其他货物同车"),
    "capacity": N_("车已装满"),
    "window": N_("到达时这里已关门"),
    "cold_budget": N_("路上时间太长，保不住冷"),
    "shift": N_("超出行车时间"),
    "road_closed": N_("道路封闭，没有别的路"),
    "vehicle": N_("这辆车今天不再出车"),
    "no_room_ambient": N_("没有别的车有空位"),
    "no_room_cool": N_("没有别的车的阴凉厢有空位"),
    "no_room_chilled": N_("没有别的车的冷藏厢有空位"),
    "no_room_frozen": N_("没有别的车的冷冻厢有空位"),
}
ELSE = N_("线路排不下")


def reason_text(reason: str) -> str:
    """In the language of the request."""
    return gettext(REASONS.get(reason, ELSE))
