"""Abstract bases of all models, and the one row that says how business time runs."""

from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import models

from marketplace.kernel import ids
from marketplace.kernel.errors import NotFound
from marketplace.kernel.geo import LonLat


class IdentifiedQuerySet(models.QuerySet[Any]):
    def by_uuid(self, uuid: UUID, *, field: str = "id") -> Any:
        """The row with this outside id. Raises NotFound naming the field the asker filled."""
        found = self.filter(uuid=uuid).first()
        if found is None:
            raise NotFound(field=field)
        return found


class Identified(models.Model):
    """bigint inside (`id`), UUIDv7 outside (`uuid`); an offline client may have made the uuid itself."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(unique=True, default=ids.uuid7, editable=False)

    objects: ClassVar[Any] = IdentifiedQuerySet.as_manager()

    class Meta:
        abstract = True

    @classmethod
    def by_uuid(cls, uuid: UUID, *, field: str = "id") -> Self:
        found: Self = cls.objects.by_uuid(uuid, field=field)
        return found


class GeoPoint(models.Field):  # type: ignore[type-arg]
    """PostgreSQL's own `point`, kept by the database from lon and lat; for GiST and `<->` only."""

    def db_type(self, connection: Any) -> str:
        return "point"


class PointFunction(models.Func):
    function = "POINT"
    output_field = GeoPoint()


class Located(Identified):
    """A place on earth: WGS-84 lon, lat in degrees, with a generated point for nearest-neighbour search."""

    lon = models.FloatField()
    lat = models.FloatField()
    point = models.GeneratedField(
        expression=PointFunction(models.F("lon"), models.F("lat")), output_field=GeoPoint(), db_persist=True
    )

    class Meta:
        abstract = True

    @property
    def lon_lat(self) -> LonLat:
        return LonLat(self.lon, self.lat)


class ClockSetting(models.Model):
    """One row: business time = wall time + offset, or stands at `frozen_at`. Only testers write it."""

    singleton = models.BooleanField(primary_key=True, default=True)
    offset_s = models.FloatField(default=0)
    frozen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(singleton=True), name="clock_one_row")]


class Heartbeat(models.Model):
    """That a process of ours lives; written every few seconds, read by /healthz."""

    process = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()
