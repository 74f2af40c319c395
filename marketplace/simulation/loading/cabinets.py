"""Parcel lockers and cold cabinets; the ingest process puts their simulated controllers up by itself."""

from lockers.services.sites.cabinets import CellSpec, register_cabinet
from marketplace.places.models import Site
from marketplace.simulation.loading.index import Index


def load(index: Index) -> None:
    for cabinet in index.world.cabinets:
        register_cabinet(
            site=index.get(Site, cabinet.site),
            device=cabinet.device,
            name=cabinet.name,
            kind=cabinet.kind,
            cells=[
                CellSpec(label=cell.label, zone=cell.zone.value, size=cell.size.value, band=cell.band)
                for cell in cabinet.cells
            ],
            uuid=index.world.uuid(f"lockers.cabinet:{cabinet.key}"),
            simulated=True,
        )
