"""What orders refuse, by name. No Django.

Conflict
├── OutOfStock (catalog's own passes through)
├── Unreachable       a place cannot take these goods; `error_code` is the reason's name
├── PriceChanged      the sum passed what the buyer agreed to
├── PastCutOff        too late for this cycle
├── CartEmpty
├── NotPayable        nothing left to pay, or no longer
├── AlreadyPacked
├── AllergyLocked      a wish against the lock of the buyer's account
└── RefundTooLarge
DomainError
└── WrongHandOutProof code, last four digits or signature do not fit
"""

from marketplace.kernel.errors import N_, Conflict, DomainError, InvalidInput


class Unreachable(Conflict):
    """Goods cannot reach a place; `reason` is the stable name that storefront and tests read."""

    code = "unreachable"
    message = N_("这个地点送不到")

    def __init__(
        self, reason: str, message: str, *, field: str | None = "place_id", **params: object
    ) -> None:
        super().__init__(message, field=field, code=reason, params=params)
        self.reason = reason


class PriceChanged(Conflict):
    code = "price_changed"
    message = N_("金额已变为最多 %(yuan)s 元，请重新确认")


class PastCutOff(Conflict):
    code = "past_cut_off"
    message = N_("已过截单时间，不能再修改或取消")


class CartEmpty(Conflict):
    code = "cart_empty"
    message = N_("购物车是空的")


class NotPayable(Conflict):
    code = "not_payable"
    message = N_("这个订单不需要付款或已关闭")


class AlreadyPacked(Conflict):
    code = "already_packed"
    message = N_("这个包裹已经打包")


class RefundTooLarge(Conflict):
    code = "refund_too_large"
    message = N_("最多还能退 %(left_yuan)s 元")


class WrongHandOutProof(DomainError):
    code = "wrong_code"
    message = N_("取件码或手机尾号不对")


class AllergyLocked(Conflict):
    code = "allergy_lock"
    message = N_("您已开启过敏锁定：缺货只退款，不换别的货。要改，请先在“我的”里关闭")


class UnknownSubstitution(InvalidInput):
    message = N_("缺货处理方式应为 refund、substitute 或 ask")
