"""What a person reads at the terminal."""

import json
from pathlib import Path

import pytest

from marketplace.launcher import report
from marketplace.launcher.config import read_config

DAY = {
    "world": "small",
    "orders": {"placed": 3000, "paid": 2999},
    "unserved": {},
    "fill": {"vans": {"赣C12345": {"ambient": 0.8}}, "least": 0.7},
    "logins": [{"role": "buyer"}],
    "audit": {"passed": True, "findings": []},
}


def test_the_day_is_one_row_a_subject(capsys: pytest.CaptureFixture[str]) -> None:
    report.show_day(DAY)
    shown = capsys.readouterr().out
    for text in ("small", "placed 3,000, paid 2,999", "unserved", "least 0.7", "passed yes, findings none"):
        assert text in shown
    for text in ("赣C12345", "logins"):
        assert text not in shown


def test_the_address_comes_with_one_login_a_role(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    login = {"role": "courier", "name": "曾水生", "phone": "19900000015", "pin": "541557"}
    (tmp_path / "world.json").write_text(json.dumps({"logins": [login]}), encoding="utf-8")
    report.show_address(read_config({"YINONG_DATA": str(tmp_path), "PORT": "8080"}))
    shown = capsys.readouterr().out
    for text in (*login.values(), "http://127.0.0.1:8080"):
        assert text in shown


def test_without_a_world_there_is_still_an_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report.show_address(read_config({"YINONG_DATA": str(tmp_path), "HOST": "0.0.0.0"}))
    assert "http://127.0.0.1:8000" in capsys.readouterr().out
