"""What the gateway answers when it does not do what it was asked."""


class GatewayRefusal(Exception):
    """A signed answer with `code`, `msg`, `sub_code`, `sub_msg`."""

    def __init__(
        self, sub_code: str, sub_msg: str, *, code: str = "40004", msg: str = "Business Failed"
    ) -> None:
        super().__init__(f"{code} {sub_code}: {sub_msg}")
        self.node = {"code": code, "msg": msg, "sub_code": sub_code, "sub_msg": sub_msg}


def bad_request(sub_code: str, sub_msg: str) -> GatewayRefusal:
    """40002: the caller's fault; a retry cannot help."""
    return GatewayRefusal(sub_code, sub_msg, code="40002", msg="Invalid Arguments")


def refused(sub_code: str, sub_msg: str) -> GatewayRefusal:
    return GatewayRefusal(sub_code, sub_msg)


TRADE_NOT_EXIST = ("ACQ.TRADE_NOT_EXIST", "交易不存在")
