"""The thermometer at the door: what a cold parcel may show when it is handed over. Pure.

Frozen goods: alarm above -15 °C, refused above -12 °C. Others: alarm above their own
limit, refused 3 °C above it; goods that a chill harms are refused 3 °C outside their own band and alarmed
1 °C outside.
"""

from enum import StrEnum

from marketplace.kernel.temperature import Band, Zone

#: °C above the goods' own limit: meat 4 -> 7, vegetables and fruit 7 -> 10
REFUSED_ABOVE_C = 3.0
FROZEN_ALARM_C, FROZEN_REFUSED_C = -15.0, -12.0
COOL_ALARM_C, COOL_REFUSED_C = 1.0, 3.0


class Warmth(StrEnum):
    GOOD = "good"
    ALARM = "alarm"  # taken, told
    REFUSED = "refused"


def judge(zone: str, band: Band, measured_c: float) -> Warmth:
    """`band` is what the goods themselves bear. Only cooled zones are asked for a reading."""
    if zone == Zone.FROZEN:
        return _above(measured_c, FROZEN_ALARM_C, FROZEN_REFUSED_C)
    if zone == Zone.CHILLED:
        return _above(measured_c, band.max_c, band.max_c + REFUSED_ABOVE_C)
    if zone == Zone.COOL:
        off = max(band.min_c - measured_c, measured_c - band.max_c)
        return _above(off, COOL_ALARM_C, COOL_REFUSED_C)
    return Warmth.GOOD


def _above(value: float, alarm: float, refused: float) -> Warmth:
    if value > refused:
        return Warmth.REFUSED
    return Warmth.ALARM if value > alarm else Warmth.GOOD
