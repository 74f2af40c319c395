from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, InternalError, transaction

from farmers.certificate_rules import CertificateFields
from farmers.errors import CertificateReplaced
from farmers.models import Certificate, Farmer
from farmers.services.certificates import (
    certificate_number,
    is_untouched,
    issue_certificate,
    replace_certificate,
)
from marketplace.kernel import clock
from marketplace.kernel.errors import Forbidden, InvalidInput
from tests.factories.farmers import make_farmer, make_officer, make_station

pytestmark = pytest.mark.django_db


def fields_of(farmer: Farmer, number: str = "HGZ-1") -> CertificateFields:
    return CertificateFields(
        number=number,
        commitment="不使用禁用农药",
        basis="self_test",
        product_name="时令叶菜",
        quantity=40_000,
        unit="g",
        origin="赤岸镇",
        issued_on=clock.today(),
        issuer=farmer.name,
        contact="13800000000",
    )


def test_saying_the_same_twice_is_one_certificate() -> None:
    farmer = make_farmer()
    first = issue_certificate(farmer=farmer, fields=fields_of(farmer))
    assert issue_certificate(farmer=farmer, fields=fields_of(farmer)) == first
    with pytest.raises(InvalidInput) as refused:
        issue_certificate(farmer=farmer, fields=replace(fields_of(farmer), quantity=1))
    assert refused.value.field == "certificate.number"
    assert Certificate.objects.get().quantity == 40_000
    other = make_farmer()
    assert issue_certificate(farmer=other, fields=fields_of(other)) != first


def test_the_database_refuses_every_edit() -> None:
    farmer = make_farmer()
    stated = issue_certificate(farmer=farmer, fields=fields_of(farmer))
    for change in ({"origin": "别处"}, {"issued_on": date(2020, 1, 1)}, {"sha256": "0" * 64}):
        with pytest.raises((InternalError, IntegrityError)), transaction.atomic():
            Certificate.objects.filter(pk=stated.pk).update(**change)
    with pytest.raises((InternalError, IntegrityError)), transaction.atomic():
        stated.delete()
    stated = Certificate.objects.get()
    assert is_untouched(stated)
    stated.origin = "别处"
    assert not is_untouched(stated)


def test_a_wrong_one_is_replaced_once_and_both_stay() -> None:
    farmer = make_farmer()
    assert farmer.station is not None
    officer = make_officer(farmer.station)
    old = issue_certificate(farmer=farmer, fields=fields_of(farmer))
    with pytest.raises(Forbidden):
        replace_certificate(
            principal=make_officer(make_station()), certificate=old, fields=fields_of(farmer, "HGZ-2")
        )
    new = replace_certificate(principal=officer, certificate=old, fields=fields_of(farmer, "HGZ-2"))
    old.refresh_from_db()
    assert (old.replaced_by, new.replaced_by, Certificate.objects.count()) == (new, None, 2)
    with pytest.raises(CertificateReplaced):
        replace_certificate(principal=officer, certificate=old, fields=fields_of(farmer, "HGZ-3"))
    assert Certificate.objects.count() == 2


def test_a_mix_names_its_parents() -> None:
    farmer = make_farmer()
    parents = [issue_certificate(farmer=farmer, fields=fields_of(farmer, f"HGZ-{n}")) for n in (1, 2)]
    mix = issue_certificate(farmer=farmer, fields=fields_of(farmer, "HGZ-3"), parents=parents)
    assert set(mix.parents.all()) == set(parents)
    assert list(parents[0].children.all()) == [mix]


def test_a_date_in_the_future_is_refused() -> None:
    farmer = make_farmer()
    tomorrow = clock.today() + timedelta(days=1)
    with pytest.raises(InvalidInput) as refused:
        issue_certificate(farmer=farmer, fields=replace(fields_of(farmer), issued_on=tomorrow))
    assert refused.value.field == "certificate.issued_on"


def test_households_get_a_number_of_ours() -> None:
    assert certificate_number(" HGZ-1 ") == "HGZ-1"
    made = {certificate_number() for _ in range(100)}
    assert len(made) == 100
