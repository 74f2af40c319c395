"""Plots and their field log, as far as listing needs them."""

from datetime import date
from uuid import UUID

from farmers.kinds import FieldWork
from farmers.models import Farmer, FieldRecord, Plot
from farmers.services.access import acting_user
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Forbidden, InvalidInput, NotFound
from marketplace.kernel.geo import LonLat, require_in_china
from marketplace.kernel.principal import Principal


def add_plot(
    *,
    principal: Principal,
    farmer: Farmer,
    name: str,
    at: LonLat,
    village: str = "",
    area_m2: int | None = None,
) -> Plot:
    """A field on the map (WGS-84). Raises InvalidInput on `lon` for a point outside China, Forbidden."""
    _require_hand(principal, farmer)
    require_in_china(at)
    if not 1 <= len(name.strip()) <= 60:
        raise InvalidInput(N_("应为 1 到 %(most)s 个字"), field="name", params={"most": 60})
    plot: Plot = Plot.objects.create(
        farmer=farmer,
        name=name.strip(),
        village=village.strip()[:60],
        area_m2=area_m2,
        lon=at.lon,
        lat=at.lat,
    )
    return plot


def record_field_work(
    *,
    principal: Principal,
    plot: Plot,
    work: str,
    done_on: date,
    substance: str = "",
    safe_from: date | None = None,
) -> FieldRecord:
    """A line of the field log. Spraying must name the day from which harvest is safe. Raises InvalidInput."""
    _require_hand(principal, plot.farmer)
    if work not in FieldWork.values:
        raise InvalidInput(N_("没有这种农事"), field="work")
    if done_on > clock.today():
        raise InvalidInput(N_("日期不能在将来"), field="done_on")
    if work == FieldWork.SPRAYING and (safe_from is None or safe_from < done_on):
        raise InvalidInput(N_("用药须填安全间隔期满日期"), field="safe_from")
    record: FieldRecord = FieldRecord.objects.create(
        plot=plot,
        work=work,
        done_on=done_on,
        substance=substance.strip()[:80],
        safe_from=safe_from if work == FieldWork.SPRAYING else None,
        recorded_by=acting_user(principal),
    )
    return record


def plot_of(farmer: Farmer, plot_uuid: UUID, *, field: str = "plot_id") -> Plot:
    plot: Plot | None = Plot.objects.filter(uuid=plot_uuid, farmer=farmer).first()
    if plot is None:
        raise NotFound(field=field)
    return plot


def unsafe_until(*, plot: Plot, harvested_on: date) -> date | None:
    """The first safe day, when a withdrawal period was running on the harvest day; None when it was safe."""
    running = plot.records.filter(
        work=FieldWork.SPRAYING, done_on__lte=harvested_on, safe_from__gt=harvested_on
    ).order_by("-safe_from")
    record = running.first()
    return record.safe_from if record else None


def _require_hand(principal: Principal, farmer: Farmer) -> None:
    principal.require_signed_in()
    if principal.has("farmer", farmer.uuid):
        return
    if farmer.station is None or not principal.has("information_officer", farmer.station.uuid):
        raise Forbidden(field="farmer_id")
