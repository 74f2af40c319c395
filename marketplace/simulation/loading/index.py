"""Where each thing of a world lies in the database once it is written."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.db import models

from marketplace.database.models import Identified
from marketplace.simulation.worlds import World

T = TypeVar("T")
M = TypeVar("M", bound=Identified)
BATCH = 1_000


class Index:
    """Rows by model and key. Every row gets the uuid that `World.uuid` gives its key."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._rows: dict[type[Identified], dict[str, Identified]] = {}

    def keep(self, things: Mapping[str, T], model: type[M], fields: Callable[[T], Mapping[str, Any]]) -> None:
        """Write one row per thing, in one statement per batch."""
        rows = {
            key: model(uuid=self.world.uuid(f"{model._meta.label_lower}:{key}"), **fields(thing))
            for key, thing in things.items()
        }
        manager: models.Manager[Any] = model._base_manager
        manager.bulk_create(rows.values(), batch_size=BATCH)
        self._rows.setdefault(model, {}).update(rows)

    def get(self, model: type[M], key: str) -> M:
        row = self._rows[model][key]
        assert isinstance(row, model)
        return row

    def all(self, model: type[M]) -> dict[str, M]:
        return {key: row for key, row in self._rows.get(model, {}).items() if isinstance(row, model)}
