"""The simulator as a process: notifications and their retries, what survives a kill, its manners."""

import http.server
import socket
import threading
import time
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from marketplace.kernel import clock
from orders.payments.gateways.base import BadSignature, NotificationKind, TradeOrder, TradeStatus
from tests.orders.payments.helpers import Simulator


class Receiver:
    """A web server that answers notifications with what the test puts in `replies` (then `success`)."""

    def __init__(self):
        self.bodies, self.replies, receiver = [], [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.bodies.append(body)
                reply = receiver.replies.pop(0) if receiver.replies else b"success"
                self.send_response(200)
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/notify"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, count):
        for _ in range(2400):
            if len(self.bodies) >= count:
                return self.bodies
            time.sleep(0.025)
        raise AssertionError(f"{len(self.bodies)} of {count} notifications came")


@pytest.fixture
def receiver():
    opened = Receiver()
    yield opened
    opened.server.shutdown()
    opened.server.server_close()


def pay(simulator, gateway, receiver, amount_fen=1000):
    trade = TradeOrder(out_trade_no=f"N{clock.wall():%H%M%S%f}", amount_fen=amount_fen, subject="茶油")
    simulator.pay(
        gateway.pay_link(
            merge_no="", trades=[trade], return_url="", notify_url=receiver.url,
            expires_at=clock.wall() + timedelta(minutes=5),
        )
    )  # fmt: skip
    return trade


def test_a_payment_is_told_once_when_the_receiver_says_success(simulator, gateway, receiver):
    trade = pay(simulator, gateway, receiver)
    note = gateway.read_notification(receiver.wait_for(1)[0])
    assert (note.kind, note.status, note.amount_fen) == (NotificationKind.TRADE, TradeStatus.PAID, 1000)
    assert note.out_trade_no == trade.out_trade_no
    with pytest.raises(BadSignature):
        gateway.read_notification(receiver.bodies[0].replace(b"10.00", b"11.00"))


def test_until_then_the_very_same_words_come_again_eight_times_at_most(simulator, gateway, receiver):
    receiver.replies = [b"fail"] * 3 + [b"Success"] * 4 + [b"success\n"]
    trade = pay(simulator, gateway, receiver)
    for minute in range(
        400
    ):  # the later waits are long even when scaled: the simulator's clock walks over them
        simulator.change("clock", offset_s=minute * 60)
        [row] = [n for n in simulator.shown("notifications") if n["about"] == trade.out_trade_no]
        if row["state"] == "given_up":
            break
        time.sleep(0.02)
    assert (row["state"], row["attempts"]) == ("given_up", 8)
    assert receiver.bodies == [receiver.bodies[0]] * 8


def test_a_refund_is_told_with_its_number_and_the_total(simulator, gateway, receiver):
    trade = pay(simulator, gateway, receiver)
    for number in ("R1", "R2"):
        gateway.refund(
            out_trade_no=trade.out_trade_no, refund_no=trade.out_trade_no + number, amount_fen=200, reason="r"
        )
    receiver.wait_for(3)
    notes = [gateway.read_notification(body) for body in receiver.bodies]
    refunds = {n.refund_no[-2:]: n.refunded_total_fen for n in notes if n.kind is NotificationKind.REFUND}
    assert refunds == {"R1": 200, "R2": 400}


@pytest.mark.parametrize(
    ("kind", "told"), [("notify_duplicate", 2), ("notify_lost", 0), ("notify_late", 0), ("notify_reorder", 1)]
)
def test_faults_of_the_messenger(simulator, gateway, receiver, kind, told):
    simulator.fault(kind, method="TRADE_SUCCESS", value="1")
    trade = pay(simulator, gateway, receiver)
    if kind == "notify_duplicate":
        assert len(set(receiver.wait_for(told))) == 1
    if kind == "notify_late":
        assert len(receiver.bodies) == 0
        simulator.change("clock", offset_s=5)
        receiver.wait_for(1)
    if kind == "notify_reorder":
        gateway.refund(
            out_trade_no=trade.out_trade_no, refund_no="R" + trade.out_trade_no, amount_fen=1, reason="r"
        )
        first, second = [gateway.read_notification(body).kind for body in receiver.wait_for(2)]
        assert (first, second) == (NotificationKind.REFUND, NotificationKind.TRADE)
    if kind == "notify_lost":
        assert [n["state"] for n in simulator.shown("notifications") if n["about"] == trade.out_trade_no] == [
            "lost"
        ]


def test_a_killed_simulator_comes_back_with_its_keys_its_trades_and_its_debts(tmp_path, receiver):
    first = Simulator.start(tmp_path, time_factor=0.001)
    gateway = first.gateway()
    receiver.replies = [b"fail"]
    trade = pay(first, gateway, receiver)
    receiver.wait_for(1)
    public_key = (tmp_path / "alipay_public_key.pem").read_bytes()
    first.kill()
    gateway.wire.close()
    second = Simulator.start(tmp_path, time_factor=0.001)
    assert (tmp_path / "alipay_public_key.pem").read_bytes() == public_key
    assert len(set(receiver.wait_for(2))) == 1
    again = second.gateway()
    assert again.query(out_trade_no=trade.out_trade_no).status is TradeStatus.PAID
    again.wire.close()
    second.stop()


def test_an_absolute_form_target_is_answered(simulator):
    with socket.create_connection(
        ("127.0.0.1", int(simulator.base_url.rsplit(":", 1)[1])), timeout=60
    ) as line:
        line.sendall(
            b"POST http://somewhere.example/gateway.do?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
        )
        answer = line.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"isv.missing-app-id" in answer


def test_a_request_that_is_old_unsigned_or_unknown_is_refused_by_name(simulator, gateway, monkeypatch):
    from orders.payments.gateways.sdk import request

    query = request("AlipayTradeQuery", {"out_trade_no": "x"})
    good = simulator.request("POST", gateway.wire.link(query))[2]
    assert b"ACQ.TRADE_NOT_EXIST" in good
    changed = gateway.wire.link(query).replace("out_trade_no%22%3A%22x", "out_trade_no%22%3A%22y")
    assert b"isv.invalid-signature" in simulator.request("POST", changed)[2]
    nothing = {"method": "alipay.user.nothing", "biz_content": "{}", "version": "1.0"}
    monkeypatch.setattr(query, "get_params", lambda: nothing)
    assert b"isv.invalid-method" in simulator.request("POST", gateway.wire.link(query))[2]
    real = clock.wall()
    monkeypatch.setattr(clock, "wall", lambda: real - timedelta(minutes=11))
    fresh = request("AlipayTradeQuery", {"out_trade_no": "x"})
    assert b"isv.invalid-timestamp" in simulator.request("POST", gateway.wire.link(fresh))[2]


def test_the_cashier_is_a_plain_form_with_two_buttons(simulator, gateway, receiver):
    trade = TradeOrder(out_trade_no=f"N{clock.wall():%H%M%S%f}", amount_fen=1, subject="<b>A&B</b>")
    link = gateway.pay_link(
        merge_no="",
        trades=[trade],
        return_url="",
        notify_url="",
        expires_at=clock.wall() + timedelta(minutes=5),
    )
    page = simulator.request("GET", simulator.open(link))[2].decode()
    assert page.count('name="action" value="pay"') == 1
    assert page.count('name="action" value="refuse"') == 1
    assert "&lt;b&gt;A＆B&lt;／b&gt;" in page
    assert parse_qs(link.partition("?")[2])["method"] == ["alipay.trade.wap.pay"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ('{"kind": "nonsense"}', "unknown fault"),
        ('{"kind": "hang", "times": 0}', "times"),
        ("[]", "object"),
        ("{", "JSON"),
    ],
)
def test_a_wrong_switch_is_named(simulator, body, word):
    status, _, answer = simulator.request("POST", f"{simulator.base_url}/sim/faults", body)
    assert (status, word in answer.decode()) == (400, True)
    assert simulator.shown("faults") == []


def test_rows_are_shown_by_the_values_of_their_columns(simulator, gateway, receiver):
    trade = pay(simulator, gateway, receiver)
    shown = simulator.shown("trades", out_trade_no=trade.out_trade_no, status="TRADE_SUCCESS")
    assert [row["amount"] for row in shown] == [trade.amount_fen]
    assert simulator.shown("trades", out_trade_no=trade.out_trade_no, status="TRADE_CLOSED") == []
    status, _, body = simulator.request("GET", f"{simulator.base_url}/sim/trades?1%3D1%3B--=x")
    assert (status, b"unknown 1=1;--" in body) == (400, True)


def test_a_port_in_use_gives_one_clear_line(simulator, tmp_path):
    import subprocess
    import sys

    port = simulator.base_url.rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "-m", "orders.payments.alipay_sim", "--port", port, "--data", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["alipay_sim: [Errno 98] Address already in use"]
