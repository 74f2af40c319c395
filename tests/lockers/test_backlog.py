"""A device that deletes on `down/ack` loses nothing; one that trusts the broker's PUBACK loses rows in the
very same course of events, or the test would prove nothing.
"""

from pathlib import Path

import pytest

from lockers.models import DeviceMark, DeviceMessage
from marketplace.telemetry.models import Reading
from tests.lockers.backlog import AT_RISK, KeepsUntilAck, TrustsPuback, staged
from tests.lockers.test_ingest import database_url

READINGS = 3_600  # `make bench-devices` runs it with the 21,600 of 72 hours
pytestmark = [pytest.mark.mosquitto, pytest.mark.processes, pytest.mark.django_db(transaction=True)]


def test_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    with staged(tmp_path, line=KeepsUntilAck, readings=READINGS, database_url=database_url()) as stage:
        stage.run()
    assert Reading.objects.count() == READINGS
    everything = READINGS + DeviceMessage.objects.count()
    assert list(DeviceMark.objects.values_list("boot", "upto", "ahead")) == [(1, everything, [])]


def test_trusting_puback_loses_rows_in_the_same_course_of_events(tmp_path: Path) -> None:
    with staged(tmp_path, line=TrustsPuback, readings=READINGS, database_url=database_url()) as stage:
        stage.run()
        assert stage.cabinet.journal.outbox_length() == 0
    assert READINGS // 6 <= Reading.objects.count() <= READINGS - AT_RISK
