"""Sites and their cabinets from a table, and the whole table back."""

import graphene

from lockers.schema.cabinets import OPERATORS
from lockers.services.sites import site_imports
from marketplace.api.arguments import file_bytes
from marketplace.api.errors import cell_refusal
from marketplace.api.guard import guarded
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from marketplace.kernel.units import require_between

MOST = 100


class SiteImportType(graphene.ObjectType):
    class Meta:
        name = "SiteImport"

    id = graphene.ID(required=True)
    name = graphene.String(required=True, description="of the file")
    sites = graphene.Int(required=True, description="that it made")
    cabinets = graphene.Int(required=True)
    imported_at = graphene.DateTime(required=True)
    undone_at = graphene.DateTime()

    def resolve_id(batch, info):
        return batch.uuid

    def resolve_sites(batch, info):
        return len(batch.site_uuids)


class SitePreviewType(graphene.ObjectType):
    """A cabinet as the table wants it."""

    class Meta:
        name = "SitePreview"

    row = graphene.Int(required=True, description="its first")
    site_code = graphene.String(required=True)
    site_name = graphene.String(required=True)
    county = graphene.String(required=True)
    lon = graphene.Float(required=True)
    lat = graphene.Float(required=True)
    new_site = graphene.Boolean(required=True)
    device = graphene.String(required=True)
    cabinet = graphene.String(required=True)
    zones = graphene.List(graphene.NonNull(graphene.String), required=True)
    cells = graphene.Int(required=True)
    status = graphene.String(required=True, description="new, or there: it stands so already")


class SiteFaultType(graphene.ObjectType):
    class Meta:
        name = "SiteFault"

    row = graphene.Int(required=True)
    column = graphene.String(required=True, description="as the file calls it; empty for the whole row")
    code = graphene.String(required=True)
    message = graphene.String(required=True)


class Query(graphene.ObjectType):
    site_imports = graphene.List(
        graphene.NonNull(SiteImportType), required=True, first=graphene.Int(default_value=20)
    )

    @guarded(OPERATORS)
    def resolve_site_imports(root, info, first):
        most = require_between(first, 1, MOST, "first")
        return list(site_imports.site_imports(principal=info.context.principal)[:most])


class ImportSites(Command):
    """CSV or Excel. With any fault nothing is written; cabinets that stand already stay as they are."""

    class Arguments:
        file_name = graphene.String(required=True)
        file = graphene.String(required=True, description="base64")
        dry_run = graphene.Boolean(required=True)

    import_id = graphene.ID(description="what undoSiteImport takes; null when nothing was written")
    preview = graphene.List(graphene.NonNull(SitePreviewType))
    faults = graphene.List(graphene.NonNull(SiteFaultType))
    rule, idempotent = OPERATORS, True
    files = frozenset({"file"})

    @classmethod
    def perform(cls, principal, *, file_name, file, dry_run):
        result = site_imports.import_sites(
            principal=principal, name=file_name, data=file_bytes(file, "file"), dry_run=dry_run
        )
        return {
            "import_id": str(result.batch.uuid) if result.batch else None,
            "preview": [_preview(plan) for plan in result.ready],
            "faults": [cell_refusal(fault) for fault in result.faults],
        }


def _preview(plan):
    return {
        "row": plan.row,
        "site_code": plan.site.code,
        "site_name": plan.site.name,
        "county": plan.site.county.name,
        "lon": plan.site.at.lon,
        "lat": plan.site.at.lat,
        "new_site": plan.site_is_new,
        "device": plan.device,
        "cabinet": plan.name,
        "zones": [section.zone.value for section in plan.sections],
        "cells": plan.cells,
        "status": plan.status,
    }


class UndoSiteImport(Command):
    class Arguments:
        id = graphene.ID(required=True)

    site_import = graphene.Field(SiteImportType)
    rule = OPERATORS

    @classmethod
    def perform(cls, principal, *, id):
        batch = site_imports.undo_site_import(principal=principal, import_uuid=parse_uuid(id, "id"))
        return {"site_import": batch}


class Mutation(graphene.ObjectType):
    import_sites = ImportSites.Field()
    undo_site_import = UndoSiteImport.Field()
