"""What buyers, the worker and a developer's own server do in these tests."""

import http.server
import threading
import time

import stripe

from orders.payments.models import PaymentIntent, PreAuthorisation, Refund
from orders.payments.services import work_due
from orders.payments.services.queries import query_attempt

BACK = "https://shop.example/back"
PAY = {"payment_method_data": {"type": "alipay"}, "return_url": BACK}


class Hook:
    """A developer's endpoint: keeps raw bodies and signatures."""

    def __init__(self):
        self.got, self.status, hook = [], 200, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append((body, self.headers["Stripe-Signature"]))
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def settle():
    """What the provider's notification and the worker do: ask about everything."""
    for attempt_id in PaymentIntent.objects.filter(status="requires_action").values_list(
        "attempts__pk", flat=True
    ):
        query_attempt(attempt_id)


def ask_about_freezes(*, until):
    """The worker's questions. A notification that arrives this very moment holds the row: then once more."""
    for _ in range(1000):
        PreAuthorisation.objects.exclude(status=until).update(next_try_at="2020-01-01T00:00:00Z")
        work_due()
        freeze = PreAuthorisation.objects.get()
        if freeze.status == until:
            return freeze
        time.sleep(0.02)
    raise AssertionError(f"the freeze is {freeze.status}, not {until}")


def send_refunds():
    """What the worker does some seconds later: refunds of one trade wait for each other."""
    Refund.objects.filter(status="pending").update(next_try_at="2020-01-01T00:00:00Z")
    work_due()


def paid(simulator, amount=1000, **more):
    intent = stripe.PaymentIntent.create(amount=amount, currency="cny", confirm=True, **PAY, **more)
    simulator.pay(intent.next_action.alipay_handle_redirect.url)
    settle()
    return stripe.PaymentIntent.retrieve(intent.id)
