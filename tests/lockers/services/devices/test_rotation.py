"""The root key and the QR key are changed while parcels wait in the cabinets."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from lockers import services
from lockers.management.commands.broker_config import device_passwords
from lockers.models import Allocation, Command, Device, PickupGroup
from lockers.protocol import keys
from lockers.protocol.topics import Channel
from lockers.services.devices import root_keys, rotation
from lockers.services.devices.config import signed_config
from lockers.services.devices.registration import issue_token, register
from lockers.simulator.orders import obey
from lockers.simulator.pickup import scan_qr
from marketplace.kernel import clock
from marketplace.kernel.errors import DomainError
from tests.factories.lockers import make_cabinet
from tests.lockers.services.conftest import Bench


def key_of(bench: Bench) -> bytes:
    return root_keys.locker_of(Device.objects.get(pk=bench.cabinet.device.pk))


def in_file() -> dict[str, str]:
    return dict(json.loads(Path(settings.LOCKER_KEY_FILE).read_text()))


def test_the_root_is_changed_under_a_parcel_that_waits(bench: Bench) -> None:
    parcel, before, old_file = bench.deposit(), key_of(bench), in_file()
    call_command("rotate_root_key", "start")
    assert key_of(bench) == before  # nothing has moved
    with pytest.raises(CommandError):
        call_command("rotate_root_key", "finish")
    other = bench.deposit()  # life goes on in between
    call_command("rotate_root_key", "move")
    bench.turn(4)
    after = key_of(bench)
    assert after != before
    assert bench.simulated.board is not None
    assert bench.simulated.board.trusted_keys == [after]  # the new configuration was applied
    call_command("rotate_root_key", "finish")
    assert (in_file()["root"] == old_file["root"], "root_next" in in_file()) == (False, False)
    assert key_of(bench) == after
    for each in (parcel, other):
        answer = bench.type(bench.code(each))
        assert answer.ok
        bench.shut(answer.doors[0])
        assert Allocation.objects.get(pk=each.pk).parcel_state == "collected"


def test_no_row_and_no_old_key_opens_anything_after_the_change(bench: Bench) -> None:
    before = key_of(bench)
    old_root = bytes.fromhex(in_file()["root"])
    rotation.start_root()
    rotation.order_moves()
    bench.turn(4)
    rotation.finish_root()
    board = bench.simulated.board
    assert board is not None
    device = Device.objects.get(pk=bench.cabinet.device.pk)
    forged = keys.locker_key(old_root, device=device.device, generation=device.generation)
    assert forged == before
    version = bench.simulated.journal.get("config_version")
    Device.objects.filter(pk=device.pk).update(config_version=version + 5)
    device.refresh_from_db()
    known = root_keys.root_keys()
    try:
        rotation.replace_key_file({**in_file(), "root": old_root.hex()})
        obey(board, Channel.CONFIG, signed_config(device))
    finally:
        rotation.replace_key_file({**in_file(), "root": known.root.hex()})
    assert bench.simulated.journal.get("config_version") == version


def _half_a_minute_passes() -> None:
    """An order that was taken up and not carried out before the cut runs out, and is given again."""
    Command.objects.filter(action="rekey").update(expires_at=clock.wall())


def test_a_power_cut_in_the_middle_of_moving_ends_with_one_key_on_both_sides(bench: Bench) -> None:
    parcel = bench.deposit()
    rotation.start_root()
    for steps in (1, 2, 3):
        _half_a_minute_passes()
        rotation.order_moves()
        bench.simulated.hardware.fuse.steps_left = steps
        bench.turn(2)
        bench.simulated.hardware.fuse.steps_left = None
        bench.simulated.power_off()
        bench.simulated.power_on()
        bench.turn(4)
    _half_a_minute_passes()
    rotation.order_moves()
    bench.turn(5)
    assert list(rotation.not_moved()) == []
    assert bench.simulated.board is not None
    assert bench.simulated.board.trusted_keys == [key_of(bench)]
    assert bench.type(bench.code(parcel)).ok


def test_the_broker_and_registration_follow_the_device(bench: Bench) -> None:
    name = bench.cabinet.device.device
    before = device_passwords()[name]
    rotation.start_root()
    assert device_passwords()[name] == before
    rotation.order_moves()
    bench.turn(4)
    assert device_passwords()[name] == keys.broker_password(key_of(bench)) != before
    late = make_cabinet().device  # put up while the change goes on
    fetched = register(issue_token(device=late)).key
    assert list(rotation.not_moved()) == []
    rotation.finish_root()
    late.refresh_from_db()
    assert root_keys.locker_of(late) == fetched


def test_a_device_that_does_not_answer_holds_the_end_by_name(bench: Bench) -> None:
    away = make_cabinet().device
    Device.objects.filter(pk=away.pk).update(boot=3)
    rotation.start_root()
    rotation.order_moves()
    bench.turn(4)
    with pytest.raises(DomainError) as refused:
        rotation.finish_root()
    assert (refused.value.error_code, refused.value.params) == ("not_moved", {"names": away.device})
    assert "root_next" in in_file()


def test_each_step_has_its_turn(bench: Bench) -> None:
    for step in (rotation.order_moves, rotation.finish_root, rotation.switch_qr, rotation.finish_qr):
        with pytest.raises(DomainError):
            step()
    for start in (rotation.start_root, rotation.start_qr):
        start()
        with pytest.raises(DomainError):
            start()


def scanned(bench: Bench, text: str) -> str:
    with bench.simulated.at_screen() as board:
        answer = scan_qr(board, text)
    bench.turn()
    for door in answer.doors:
        bench.shut(door)
    return answer.reason


def test_no_qr_fails_while_the_signing_key_is_changed(bench: Bench) -> None:
    one, two = bench.deposit(), bench.deposit()
    old = services.pickup_qr(PickupGroup.objects.get(pk=one.group_id))
    call_command("rotate_qr_key", "start")
    with pytest.raises(DomainError) as refused:
        rotation.switch_qr()
    assert refused.value.error_code == "not_told"
    bench.turn(3)
    call_command("rotate_qr_key", "switch")
    new = services.pickup_qr(PickupGroup.objects.get(pk=two.group_id))
    assert (scanned(bench, old), scanned(bench, new)) == ("", "")
    with pytest.raises(CommandError):
        call_command("rotate_qr_key", "finish")
    later = clock.now() + rotation.QR_LIVES
    clock.install(lambda: clock.Setting(frozen_at=later))
    clock.refresh()
    bench.world.set(later, frozen=True)
    call_command("rotate_qr_key", "finish")
    bench.turn(3)
    assert len(root_keys.root_keys().qr_public) == 1
    assert bench.simulated.journal.get("qr_keys") == [root_keys.root_keys().qr_public[0].hex()]
