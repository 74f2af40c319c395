"""A picture as bytes and back: a head in JSON and the columns of its gaps, compressed. Pure.

`FORM` names the layout. Who changes the head, or `Gaps`, `Tour` or `Road`, counts it up: rows of another form
are drawn anew.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import fields
from datetime import date
from typing import Any

import numpy as np

from routing.services.quotes.fitting import Gaps, Road, Tour
from routing.services.quotes.picture import Picture
from routing.solver.formats.yinong import parse_vehicle, plain
from routing.solver.terms import Goods

FORM = 1
#: speed matters more than the last kilobyte
LEVEL = 1
_LENGTH = 4


def pack(picture: Picture) -> bytes:
    """Length of the head, head, columns one after the other in the order of `Gaps`."""
    columns = [np.ascontiguousarray(getattr(picture.gaps, field.name)) for field in fields(Gaps)]
    head = {
        "day": picture.day.isoformat(),
        "road": [picture.road.detour, picture.road.speed_kmh],
        "tours": [_tour(tour) for tour in picture.tours],
        "columns": [[column.dtype.str, list(column.shape)] for column in columns],
    }
    text = json.dumps(head, ensure_ascii=False, allow_nan=False).encode()
    body = len(text).to_bytes(_LENGTH, "little") + text + b"".join(column.tobytes() for column in columns)
    return zlib.compress(body, LEVEL)


def unpack(data: bytes | memoryview) -> Picture:
    """What `pack` was given."""
    body = zlib.decompress(data)
    at = _LENGTH + int.from_bytes(body[:_LENGTH], "little")
    head = json.loads(body[_LENGTH:at])
    columns = []
    for kind, shape in head["columns"]:
        count = int(np.prod(shape))
        columns.append(np.frombuffer(body, kind, count, at).reshape(shape))
        at += count * np.dtype(kind).itemsize
    tours = tuple(
        Tour(
            vehicle=parse_vehicle(tour["vehicle"]),
            metres=tour["metres"],
            parcels=tour["parcels"],
            goods=frozenset(Goods(kind) for kind in tour["goods"]),
        )
        for tour in head["tours"]
    )
    return Picture(date.fromisoformat(head["day"]), Road(*head["road"]), tours, Gaps(*columns))


def _tour(tour: Tour) -> dict[str, Any]:
    return {
        "vehicle": plain(tour.vehicle),
        "metres": tour.metres,
        "parcels": tour.parcels,
        "goods": plain(tour.goods),
    }
