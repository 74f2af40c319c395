"""HTTPS: a device fetches its key with a one-time token, and says over HTTPS what MQTT would carry."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from django.db import connection
from django.test import Client

from lockers.errors import RegistrationRefused
from lockers.models import Command, CommandStatus, Device, DeviceMark, RegistrationToken
from lockers.protocol import keys, requests
from lockers.protocol.commands import Action
from lockers.services.devices.commands import Actor, send_command
from lockers.services.devices.registration import issue_token, register, revoke
from lockers.services.devices.root_keys import root_keys
from lockers.services.devices.simulated import blueprints
from lockers.services.messages.intake import take_in
from lockers.simulator.blueprint import Blueprint
from lockers.simulator.cabinet import Cabinet
from lockers.simulator.clocks import WorldClock
from lockers.transports.https import HttpsLine, WithFallback
from lockers.transports.port import Message, TransportError
from marketplace.kernel import clock
from marketplace.telemetry.models import Reading
from tests.factories.lockers import make_cabinet
from tests.lockers.test_ingest import reading

DEVICE = "L1"


def device() -> Device:
    return Device.objects.select_related("cabinet").get(device=DEVICE)


def signed(body: bytes, *, number: int, boot: int = 1, generation: int = 1, name: str = DEVICE) -> str:
    key = keys.request_key(root_keys().locker(device=DEVICE, generation=generation))
    return requests.sign_request(key, device=name, boot=boot, number=number, body=body)


def post(body: bytes, header: str) -> Any:
    return Client().post(
        "/devices/messages", body, content_type="application/json", headers={requests.HEADER: header}
    )


def batch(*seqs: int) -> bytes:
    payload = [orjson.loads(reading(seq).payload) for seq in seqs]
    return orjson.dumps({"messages": [{"channel": "up/tele", "payload": payload}], "config": 0})


# -- registration ------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_token_is_used_once_and_kept_as_an_hmac_only() -> None:
    make_cabinet(device=DEVICE)
    token = issue_token(device=device())
    assert len(token) == 32  # 160 bits
    answer = Client().post("/devices/register", {"token": token}, content_type="application/json")
    assert answer.status_code == 200
    plain = answer.json()
    assert (plain["device"], plain["generation"]) == (DEVICE, 1)
    assert bytes.fromhex(plain["key"]) == root_keys().locker(device=DEVICE, generation=1)
    again = Client().post("/devices/register", {"token": token}, content_type="application/json")
    assert (again.status_code, again.json()) == (403, {"code": "registration_refused"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(row_to_json(t)::text, '') FROM lockers_registrationtoken AS t")
        assert token not in cursor.fetchone()[0]


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["", "x", "A" * 32, "nicht base 32", "é"])
def test_what_is_no_token_gets_nothing(token: str) -> None:
    make_cabinet(device=DEVICE)
    issue_token(device=device())
    with pytest.raises(RegistrationRefused):
        register(token)
    assert device().registered_at is None


@pytest.mark.django_db
def test_a_later_token_voids_the_earlier_and_begins_a_generation() -> None:
    make_cabinet(device=DEVICE)
    assert register(issue_token(device=device())).generation == 1
    order = send_command(device=device(), action=Action.REPORT, actor=Actor("user:x"), reason="before")
    first, second = issue_token(device=device()), issue_token(device=device())
    with pytest.raises(RegistrationRefused):
        register(first)
    assert device().generation == 1
    identity = register(second)
    assert (identity.generation, device().generation) == (2, 2)
    assert identity.key != root_keys().locker(device=DEVICE, generation=1)
    order.refresh_from_db()
    assert order.status == CommandStatus.EXPIRED  # late work of the old generation is dropped
    body = batch(1)
    assert post(body, signed(body, number=1, generation=1)).status_code == 403
    assert Reading.objects.count() == 0


@pytest.mark.django_db
def test_an_expired_token_fails() -> None:
    make_cabinet(device=DEVICE)
    token = issue_token(device=device())
    RegistrationToken.objects.update(expires_at=clock.wall())
    with pytest.raises(RegistrationRefused):
        register(token)


@pytest.mark.django_db(transaction=True)
def test_two_devices_with_one_token_one_gets_in() -> None:
    make_cabinet(device=DEVICE)
    token = issue_token(device=device())
    gate, got = threading.Barrier(4), []

    def try_it() -> None:
        gate.wait()
        try:
            got.append(register(token).generation)
        except RegistrationRefused:
            got.append(0)
        finally:
            connection.close()

    threads = [threading.Thread(target=try_it) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(got) == [0, 0, 0, 1]


@pytest.mark.django_db
def test_a_revoked_device_is_out_until_it_is_registered_anew() -> None:
    make_cabinet(device=DEVICE)
    register(issue_token(device=device()))
    body = batch(1)
    revoke(device=device())
    assert post(body, signed(body, number=1)).status_code == 403
    assert post(body, signed(body, number=1, generation=2)).status_code == 403
    assert take_in([reading(1)]).acks == ()
    assert register(issue_token(device=device())).generation == 3
    assert post(body, signed(body, number=1, generation=3)).status_code == 200


# -- messages ----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_stored_then_acknowledged_with_what_waits() -> None:
    make_cabinet(device=DEVICE)
    order = send_command(device=device(), action=Action.REPORT, actor=Actor("user:x"), reason="test")
    body = batch(1, 2, 4)
    answer = post(body, signed(body, number=1)).json()
    assert answer["acks"] == [{"boot": 1, "upto": 2}]
    assert [each["channel"] for each in answer["down"]] == ["down/cfg", "down/cmd"]
    assert answer["down"][1]["payload"]["tx"] == str(order.uuid)
    assert (Reading.objects.count(), DeviceMark.objects.get().upto) == (3, 2)
    assert Command.objects.get().status == CommandStatus.SENT
    held = orjson.dumps({"messages": [], "config": answer["down"][0]["payload"]["version"]})
    assert [each["channel"] for each in post(held, signed(held, number=2)).json()["down"]] == ["down/cmd"]


@pytest.mark.django_db
def test_what_is_not_the_devices_own_request_changes_nothing() -> None:
    make_cabinet(device=DEVICE)
    make_cabinet(device="L2")
    body, other = batch(1), batch(2)
    good = signed(body, number=1)
    key_of_l2 = keys.request_key(root_keys().locker(device="L2", generation=1))
    foreign = requests.sign_request(key_of_l2, device=DEVICE, boot=1, number=1, body=body)
    for header in ("", "L1 1.1 00", signed(other, number=1), foreign, signed(body, number=1, name="L2")):
        assert post(body, header).status_code == 403
    as_l2 = requests.sign_request(key_of_l2, device="L2", boot=1, number=1, body=body)
    assert post(body, as_l2).json()["acks"] == []  # L2 speaks for L1
    assert Reading.objects.count() == 0
    assert post(body, good).status_code == 200
    assert post(body, good).status_code == 403  # recorded and sent again
    assert post(other, signed(other, number=1)).status_code == 403
    assert post(other, signed(other, number=1, boot=2)).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"messages":5}', b'{"messages":[{"channel":"down/cmd","payload":{}}]}',
     b'{"messages":[],"config":"x"}', b'{"messages":[5]}'],
)  # fmt: skip
def test_a_body_that_is_none_is_refused_by_name(body: bytes) -> None:
    make_cabinet(device=DEVICE)
    answer = post(body, signed(body, number=1))
    assert (answer.status_code, answer.json()) == (400, {"code": "malformed"})


# -- the device's end --------------------------------------------------------------------------------------


@pytest.fixture
def cabinet(db: None, tmp_path: Path) -> Iterator[Cabinet]:
    make_cabinet(device=DEVICE, simulated=True, online=False)
    blueprint = Blueprint.from_wire(orjson.loads(next(blueprints(known={}))[1]))
    made = Cabinet(blueprint, tmp_path, WorldClock())
    yield made
    made.close()


class Village:
    """The web process, and whether the network reaches it."""

    def __init__(self) -> None:
        self.reached, self.lose_answers = True, False
        self.client = httpx.Client(transport=httpx.MockTransport(self._pass), base_url="http://testserver")

    def _pass(self, request: httpx.Request) -> httpx.Response:
        if not self.reached:
            raise httpx.ConnectError("no network", request=request)
        answer = post(request.content, request.headers[requests.HEADER])
        if self.lose_answers:
            raise httpx.ReadError("the answer is lost", request=request)
        return httpx.Response(answer.status_code, content=answer.content)


class ByHand(HttpsLine):
    def reopen(self, will: object = None, **_: object) -> None:
        super().reopen(None, threaded=False)


def test_a_cabinet_lives_over_https_alone(cabinet: Cabinet) -> None:
    village = Village()
    line = ByHand(
        "http://testserver", DEVICE, cabinet.blueprint.key,
        boot=lambda: cabinet.journal.get("boot", 0), on_connect=cabinet.joined, client=village.client,
    )  # fmt: skip
    cabinet.attach(line, cabinet.receive)
    cabinet.power_on()
    cabinet.tick()
    waiting = cabinet.journal.outbox_length()
    assert waiting > 0
    village.reached = False
    assert line.exchange() is False
    with pytest.raises(TransportError):
        line.publish("lk/L1/up/evt", b"[]")
    village.reached = True
    assert line.exchange() is True  # the server is there: now there is something to say
    cabinet.tick()
    village.lose_answers = True
    assert line.exchange() is False
    assert cabinet.journal.outbox_length() >= waiting  # stored, and not known to be
    village.lose_answers = False
    assert line.exchange() is True
    cabinet.tick()
    assert line.exchange() is True
    cabinet.tick()
    line.exchange()
    assert cabinet.journal.outbox_length() == 0
    row = device()
    assert (row.online, row.boot) == (True, 1)
    assert cabinet.journal.get("config_version") == row.config_version
    marks = list(DeviceMark.objects.values_list("boot", "ahead"))
    assert marks == [(1, [])]


class Plug:
    """A line that stands or does not."""

    def __init__(self) -> None:
        self.connected = False
        self.said: list[str] = []

    def publish(self, topic: str, payload: bytes, **_: object) -> None:
        self.said.append(topic)

    def subscribe(self, pattern: str, into: object) -> None: ...

    def acknowledge(self, message: Message) -> None: ...

    def reopen(self, will: object = None) -> None: ...

    def drop(self) -> None:
        self.connected = False

    close = drop


def test_the_fallback_speaks_only_while_the_first_is_away() -> None:
    first, second = Plug(), Plug()
    line = WithFallback(first, second, after_s=0.0)
    line.reopen()
    assert line.connected is False
    second.connected = True
    line.publish("a", b"")
    first.connected = True
    line.publish("b", b"")
    assert (first.said, second.said) == (["b"], ["a"])
    assert second.connected is False
