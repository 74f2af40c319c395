"""All message texts, by name. zh-Hans is the source; params are named and checked when a notice is made."""

import string
from dataclasses import dataclass

from marketplace.kernel.errors import N_


@dataclass(frozen=True, slots=True)
class Template:
    title: str
    body: str

    @property
    def params(self) -> frozenset[str]:
        names = {name for _, name, _, _ in string.Formatter().parse(self.body) if name}
        return frozenset(names)


TEMPLATES: dict[str, Template] = {
    "sign_in_code": Template(N_("登录验证码"), N_("您的验证码是 {code}，{minutes} 分钟内有效。")),
    "order_paid": Template(N_("付款成功"), N_("订单 {number} 已付款 ¥{amount}，我们开始备货。")),
    "order_closed": Template(
        N_("订单已关闭"), N_("订单 {number} 未在规定时间内付款，已关闭，库存和柜格已释放。")
    ),
    "order_refunded": Template(N_("已退款"), N_("订单 {number} 退款 ¥{amount}：{reason}")),
    "harvest_list": Template(
        N_("备货清单"), N_("{product}：共 {quantity}，{orders} 个订单，请在 {day} 早上送到站点。")
    ),
    "parcel_ready": Template(
        N_("包裹已到"), N_("取件码 {code}，地点：{place}（{address}），请在 {until} 前取件，免费保管。")
    ),
    "parcel_reminder": Template(
        N_("包裹快到期了"),
        N_("{place} 的包裹请在 {until} 前取走，也可在订单里延长。逾期每 {step} 小时 ¥{fee}，最多 ¥{cap}。"),
    ),
    "parcel_extended": Template(N_("已延长保管"), N_("{place} 的包裹免费保管到 {until}。")),
    "parcel_for_friend": Template(
        N_("请您代取包裹"),
        N_("{who} 请您代取：取件码 {code}，地点：{place}（{address}），请在 {until} 前取件。"),
    ),
    "parcel_taken_out": Template(N_("包裹已取回"), N_("{place} 的包裹已由配送员取回，请联系客服。")),
    "parcel_uncollected": Template(
        N_("逾期包裹已退款"),
        N_("{place} 的包裹逾期未取，已由配送员取回。货款已退，扣逾期保管费 ¥{fee}，运费不退。"),
    ),
    "storage_fee_paid": Template(N_("可以取件了"), N_("逾期保管费已付，{place} 的包裹请在 {until} 前取走。")),
    "parcel_put_back": Template(N_("已收到您的拒收"), N_("{place} 的包裹已封存，我们查验后答复您。")),
    "parcel_on_shelf": Template(N_("包裹已到站点"), N_("取件码 {code}，请到 {place} 领取。")),
    "place_changed": Template(
        N_("取货地点有变"), N_("订单 {number} 改到 {place}（{address}）取货，取件码不变。")
    ),
    "route_changed": Template(
        N_("线路有变动"), N_("{vehicle} 的线路有 {count} 处变动，请在线路页查看并确认。")
    ),
    "parcel_held": Template(N_("包裹暂停取件"), N_("{place} 温度异常，您的包裹已封存待检，我们会尽快答复。")),
    "parcel_released": Template(N_("可以取件了"), N_("{place} 的包裹经检查可以领取，取件码不变。")),
    "parcel_overdue": Template(
        N_("包裹已逾期"),
        N_("{place} 的包裹已过免费保管期，将由配送员取回；在此之前可在订单里付逾期保管费后取件。"),
    ),
    "postponed": Template(N_("改期配送"), N_("订单 {number} 改到 {day} 配送：{reason}。")),
    "parcel_collected": Template(N_("已取件"), N_("订单 {number} 的包裹已取走。")),
    "shortage_ask": Template(
        N_("缺货，请选择"),
        N_("订单 {number} 的 {product} 不够了（{why}）。请在 {until} 前选择换同类或退款，不答复按退款处理。"),
    ),
    "claim_opened": Template(
        N_("有售后申请"),
        N_("{product} 买家反映坏了 {percent}%，申请赔 ¥{amount}。请在 {until} 前答复，逾期自动赔付。"),
    ),
    "claim_refused": Template(N_("售后未通过"), N_("订单 {number} 的售后未通过：{answer}。可请平台复核。")),
    "return_refused": Template(N_("退货未通过"), N_("订单 {number} 的退货未退款：{answer}。")),
    "claim_in_batch": Template(
        N_("同批次提醒"),
        N_("订单 {number} 的 {product} 同批次有买家反映坏果，请取货后尽快检查，有问题拍照申请售后。"),
    ),
    "fee_rules": Template(N_("收费规则调整"), N_("自 {day} 起执行新的收费规则：{why}。已下的订单不受影响。")),
    "unserved": Template(N_("明日不能送达"), N_("订单 {number} 明日不能送达：{reason}。款项将原路退回。")),
}
