"""Portions: which crate gives how many grams for which line of a parcel."""

from collections.abc import Iterable, Mapping
from typing import Any

from marketplace.simulation.worlds.draw import stream

#: a weighed portion comes out this much under or over what was ordered, in per mille
_OFF_PER_MILLE = (-15, 5)


class Crates:
    """What is still in the crates of one place while somebody packs parcel after parcel out of them."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._grams: dict[tuple[str, str], int] = {}
        self._crates_of: dict[str, list[str]] = {}
        for crate in {crate["id"]: crate for row in rows for crate in row["crates"]}.values():
            for content in crate["contents"]:
                self._grams[crate["id"], content["id"]] = content["grams"]
                self._crates_of.setdefault(content["id"], []).append(crate["id"])

    def portions(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Portions for every line of a row of the board; less than ordered where the crates hold less."""
        found = []
        for line in row["lines"]:
            wanted_g = portion_g(line)
            for crate in self._crates_of.get(line["lot"]["id"], []):
                taken_g = min(wanted_g, self._grams[crate, line["lot"]["id"]])
                if taken_g > 0:
                    self._grams[crate, line["lot"]["id"]] -= taken_g
                    wanted_g -= taken_g
                    found.append({"lineId": line["id"], "unitId": crate, "netWeightG": taken_g})
        return found


def portion_g(line: Mapping[str, Any]) -> int:
    """Net grams that the packer aims at: whole pieces, or loose goods as well as a hand can weigh them."""
    product = line["lot"]["product"]
    if product["unit"] == "piece":
        return int(line["quantity"]) * int(product["unitNetG"])
    off = stream("portion", line["id"]).randint(*_OFF_PER_MILLE)
    return int(line["quantity"]) * (1000 + off) // 1000
