"""Sub-merchants (二级商户): an application is passed at once, unless the fault `review_pending` holds it."""

from orders.payments.alipay_sim.clock import wire
from orders.payments.alipay_sim.errors import refused
from orders.payments.alipay_sim.gateway import Gateway, Node
from orders.payments.alipay_sim.wire import GatewayRequest, success

PASSED, IN_REVIEW = "99", "031"


def create(gateway: Gateway, request: GatewayRequest) -> Node:
    """The same `external_id` again answers the same application."""
    external_id, name = request.out_no("external_id"), request.text("name")
    row = gateway.store.one("SELECT * FROM merchant WHERE external_id = ?", external_id)
    if row is not None:
        return success(order_id=row["order_id"])
    number = gateway.store.next_number("merchant")
    order_id = f"{gateway.clock.now():%Y%m%d}05{number:010d}"
    gateway.store.insert(
        "merchant",
        external_id=external_id,
        order_id=order_id,
        smid=f"20882{number:011d}",
        name=name,
        gmt_create=wire(gateway.clock.now()),
    )
    return success(order_id=order_id)


def query(gateway: Gateway, request: GatewayRequest) -> Node:
    row = gateway.store.one("SELECT * FROM merchant WHERE external_id = ?", request.text("external_id"))
    if row is None:
        raise refused("RESULT_NULL", "查询结果为空")
    waits = gateway.faults.take(frozenset({"review_pending"}), method=request.method) is not None
    order = {
        "order_id": row["order_id"],
        "external_id": row["external_id"],
        "merchant_name": row["name"],
        "status": IN_REVIEW if waits else PASSED,
        "apply_time": row["gmt_create"],
    }
    return success(orders=[order if waits else order | {"smid": row["smid"]}])
