import pytest

from lockers.protocol.handover import judge
from marketplace.kernel.temperature import Band


@pytest.mark.parametrize(
    ("zone", "band", "measured_c", "verdict"),
    [
        ("frozen", Band(-30, -18), -18.0, "good"),
        ("frozen", Band(-30, -18), -15.0, "good"),
        ("frozen", Band(-30, -18), -14.9, "alarm"),
        ("frozen", Band(-30, -18), -12.0, "alarm"),
        ("frozen", Band(-30, -18), -11.9, "refused"),
        ("chilled", Band(0, 4), 4.0, "good"),
        ("chilled", Band(0, 4), 7.0, "alarm"),
        ("chilled", Band(0, 4), 7.1, "refused"),  # meat
        ("chilled", Band(0, 7), 7.1, "alarm"),
        ("chilled", Band(0, 7), 10.1, "refused"),  # vegetables and fruit
        ("chilled", Band(0, 7), -3.0, "good"),
        ("cool", Band(12, 20), 11.5, "good"),
        ("cool", Band(12, 20), 10.5, "alarm"),
        ("cool", Band(12, 20), 8.9, "refused"),
        ("cool", Band(12, 20), 23.1, "refused"),
        ("ambient", Band(0, 35), 60.0, "good"),
    ],
)
def test_the_table_of_bands_holds(zone: str, band: Band, measured_c: float, verdict: str) -> None:
    assert judge(zone, band, measured_c) == verdict
