"""What is handed out with a demo: which world this is, and one login per role."""

import json
from pathlib import Path
from typing import Any

from marketplace.simulation.worlds.nouns import World

FILE_NAME = "world.json"


def logins(world: World) -> list[dict[str, str]]:
    """One telephone and PIN per role; a buyer is a user without any role."""
    found: dict[str, dict[str, str]] = {}
    buyers = {buyer.user for buyer in world.buyers}
    for user in world.users:
        roles = [member.role for member in user.memberships] or (["buyer"] if user.key in buyers else [])
        for role in roles:
            found.setdefault(role, {"role": role, "name": user.name, "phone": user.phone, "pin": user.pin})
    return [found[role] for role in sorted(found)]


def leaflet(world: World) -> dict[str, Any]:
    return {
        "world": world.name,
        "seed": world.seed,
        "day": world.day.isoformat(),
        "logins": logins(world),
    }


def write(world: World, folder: Path) -> Path:
    """Write `world.json` into the data folder; readable by its owner only, since it holds PINs."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE_NAME
    file.write_text(json.dumps(leaflet(world), ensure_ascii=False, indent=2), encoding="utf-8")
    file.chmod(0o600)
    return file
