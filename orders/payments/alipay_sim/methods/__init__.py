"""Every gateway method that the simulator answers, by its wire name."""

from orders.payments.alipay_sim.gateway import Method, PageMethod
from orders.payments.alipay_sim.methods import bill, fund, merchant, pay, refund, settle

METHODS: dict[str, Method] = {
    "alipay.trade.precreate": pay.precreate,
    "alipay.trade.pay": pay.pay,
    "alipay.trade.query": pay.query,
    "alipay.trade.close": pay.close,
    "alipay.trade.cancel": pay.cancel,
    "alipay.trade.merge.precreate": pay.merge_precreate,
    "alipay.trade.refund": refund.refund,
    "alipay.trade.fastpay.refund.query": refund.refund_query,
    "alipay.trade.settle.confirm": settle.settle_confirm,
    "alipay.trade.royalty.relation.bind": settle.royalty_bind,
    "alipay.trade.order.settle": settle.order_settle,
    "alipay.trade.order.settle.query": settle.order_settle_query,
    "alipay.fund.auth.order.freeze": fund.freeze,
    "alipay.fund.auth.order.unfreeze": fund.unfreeze,
    "alipay.fund.auth.operation.detail.query": fund.operation_query,
    "alipay.fund.trans.uni.transfer": fund.transfer,
    "ant.merchant.expand.indirect.zft.simplecreate": merchant.create,
    "ant.merchant.expand.indirect.zftorder.query": merchant.query,
    "alipay.data.dataservice.bill.downloadurl.query": bill.download_url,
}

PAGES: dict[str, PageMethod] = {
    "alipay.trade.page.pay": pay.page_pay,
    "alipay.trade.wap.pay": pay.wap_pay,
    "alipay.trade.page.merge.pay": pay.page_merge_pay,
    "alipay.trade.wap.merge.pay": pay.wap_merge_pay,
    "alipay.fund.auth.order.app.freeze": fund.app_freeze,
}
