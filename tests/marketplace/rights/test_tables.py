"""The yardstick of the other tests here: what it overlooks, they overlook."""

import pytest
from django.db import transaction

from farmers.models import Plot
from tests.database import undone
from tests.marketplace.rights.cast import World
from tests.marketplace.rights.tables import Rows, rows

pytestmark = pytest.mark.django_db


def test_each_way_to_change_a_row_is_seen(world: World, untouched: Rows) -> None:
    before = untouched.standing()
    assert before.changed() == []
    plot = Plot.objects.first()
    assert plot is not None
    for change in (
        lambda: Plot.objects.filter(pk=plot.pk).update(name="x"),
        lambda: Plot.objects.filter(pk=plot.pk)._raw_delete("default"),
    ):
        with undone():
            change()
            assert before.changed() == ["farmers_plot"]
        assert before.changed() == []


def test_what_was_undone_or_written_as_it_was_is_no_change(world: World) -> None:
    before = rows()
    with transaction.atomic():
        Plot.objects.update(name="x")
        transaction.set_rollback(True)
    assert before.changed() == []
