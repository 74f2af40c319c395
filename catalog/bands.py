"""What temperatures a product may meet, and in which zone it travels (domain.md section e). No Django."""

from marketplace.kernel.temperature import ZONE_BANDS, Band, Zone

#: chilled meat, iced fish: 0 to 4; everything else that is chilled (vegetables, fruit, dairy, soft
#: cakes): 0 to 7
_MEAT_AND_FISH = frozenset({"畜肉", "禽肉", "养殖水产品"})
_CLASS_MEAT, _CLASS_CHILLED, _CLASS_FROZEN = Band(0, 4), Band(0, 7), Band(-25, -18)
#: ambient goods are in danger only 5 °C above their range: what a van or a shelf may reach
AMBIENT_MARGIN_C = 5.0
#: goods without a range of their own
UNLIMITED = Band(-60, 80)


def product_band(*, zone: Zone, category: str, own: Band, chill_sensitive: bool) -> Band:
    """The stricter of class band and the product's own range; only `chill_sensitive` replaces the class band.

    Ambient goods get the margin below which nobody is alarmed. Raises ValueError when class and own
    range share no degree: such a row is a mistake.
    """
    if chill_sensitive:
        return own
    if zone in (Zone.AMBIENT, Zone.COOL):
        return Band(own.min_c, own.max_c + AMBIENT_MARGIN_C)
    if zone is Zone.FROZEN:
        limit = _CLASS_FROZEN
    else:
        limit = _CLASS_MEAT if category in _MEAT_AND_FISH else _CLASS_CHILLED
    band = limit.strictest(own)
    if band is None:
        raise ValueError(f"{category}: {own} and its class {limit} share no degree")
    return band


def travelling_zone(*, labelled: Zone, band: Band) -> Zone:
    """The label a product travels under: its own when that zone's usual band suits it, else the first
    that does.

    Ponkan (3 to 15 °C) is sold as ambient, but only a cool compartment keeps it. Where none does
    (pepper, 7 to 10 °C) the label stays and listing refuses the product by name.
    """
    for zone in (labelled, Zone.COOL, Zone.CHILLED):
        if ZONE_BANDS[zone].lies_inside(band):
            return zone
    return labelled
