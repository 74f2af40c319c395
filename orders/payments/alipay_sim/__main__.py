"""`python -m orders.payments.alipay_sim --port 8610 --data .data/alipay`."""

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from orders.payments.alipay_sim.gateway import Gateway
from orders.payments.alipay_sim.server import make_server

APP_ID, SELLER_ID = "2021004100000001", "2088100000000001"


def main(argv: list[str] | None = None) -> int:
    options = _options(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        app_public_key = options.app_public_key.read_bytes() if options.app_public_key else None
        gateway = Gateway.open(
            data_dir=options.data,
            app_id=options.app_id,
            seller_id=options.seller_id,
            app_public_key=app_public_key,
            time_factor=options.time_factor,
        )
        server = make_server(gateway, port=options.port, host=options.host)
    except (OSError, ValueError) as error:
        print(f"alipay_sim: {error}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    gateway.notifier.start()
    print(f"alipay_sim: {gateway.base_url}/gateway.do", flush=True)
    try:
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        print("alipay_sim: stopped", flush=True)
    finally:
        server.server_close()
        gateway.notifier.stop()
    return 0


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="alipay_sim", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 picks a free port and prints it")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, required=True, help="folder of the store and the keys")
    parser.add_argument("--app-public-key", type=Path, help="PEM or base64; without it an app pair is issued")
    parser.add_argument("--app-id", default=APP_ID)
    parser.add_argument("--seller-id", default=SELLER_ID)
    parser.add_argument("--time-factor", type=float, default=1.0, help="scales retries and time-outs")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
