"""What payments refuse, by name.

NotFound
└── NoSuchPayment
Conflict
├── NotPayable            the group is closed, closing or already paid
├── OpenedDifferently     the same reference is being paid with other parts
├── RefundTooLarge
├── KeyReused             the same refund or settlement key with other amounts
├── SettlementTooLarge    more than is left of the trade after refunds and earlier settlements
├── RoyaltyTooLarge       the fees shared out of one trade would pass the provider's cap
├── GroupIncomplete       a part cannot be settled before all parts of its group are paid
├── NoTradeToSettle       paid in cash, or not at all: the provider holds nothing of it
└── MerchantNotRegistered the seller cannot receive money at the provider yet
TryAgain
└── ProviderAway          no clear answer now; nothing is lost, and a query will tell
DomainError
└── NotificationRefused   a notification that is not believed; `reason` names the check that failed
"""

from marketplace.kernel.errors import N_, Conflict, DomainError, NotFound, TryAgain


class NoSuchPayment(NotFound):
    code = "no_such_payment"
    message = N_("没有找到这笔支付")


class NotPayable(Conflict):
    code = "not_payable"
    message = N_("这笔支付已关闭或已完成")


class OpenedDifferently(Conflict):
    code = "opened_differently"
    message = N_("这笔订单正在以其他金额支付")


class RefundTooLarge(Conflict):
    code = "refund_too_large"
    message = N_("最多还能退 %(left_yuan)s 元")


class KeyReused(Conflict):
    code = "key_reused"
    message = N_("这个编号已用于其他金额")


class SettlementTooLarge(Conflict):
    code = "settlement_too_large"
    message = N_("这笔交易最多还能结算 %(left_yuan)s 元")


class RoyaltyTooLarge(Conflict):
    code = "royalty_too_large"
    message = N_("分账总额不能超过这笔交易的 30%%，最多还能分 %(left_yuan)s 元")


class NoTradeToSettle(Conflict):
    code = "no_trade_to_settle"
    message = N_("这笔款项不在支付机构，不能经其结算")


class GroupIncomplete(Conflict):
    code = "group_incomplete"
    message = N_("合并支付还没有全部付清，不能结算其中一笔")


class MerchantNotRegistered(Conflict):
    code = "merchant_not_registered"
    message = N_("卖家还没有开通收款：%(name)s")


class ProviderAway(TryAgain):
    code = "provider_away"
    message = N_("支付服务暂时没有答复，请稍后再试")


class NotificationRefused(DomainError):
    code = "notification_refused"
    message = N_("支付通知不可信：%(reason)s")

    def __init__(self, reason: str) -> None:
        super().__init__(params={"reason": reason})
        self.reason = reason
