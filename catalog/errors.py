"""What the catalogue refuses, by name.

Conflict
├── OutOfStock            less is left than asked for
├── NotForSale            withdrawn or past its date
├── AlreadySold           undoing would take back what somebody bought
└── ReservationMismatch   this reference already holds other goods
Expired
└── ReservationExpired    the hold was given back before it was paid
InvalidInput
├── UnknownZone
├── CannotKeep            no vehicle there keeps this product
├── CertificateMissing    this seller must issue one for this category
├── SenderAgreementMissing
├── RestrictedProduct     may not be sold online at all
├── StillInWithdrawal     sprayed too recently
└── NotFresh              past or too close to its expiry day
"""

from marketplace.kernel.errors import N_, Conflict, Expired, InvalidInput


class OutOfStock(Conflict):
    code = "out_of_stock"
    message = N_("%(product)s只剩 %(left)s")


class NotForSale(Conflict):
    code = "not_for_sale"
    message = N_("%(product)s已下架")


class AlreadySold(Conflict):
    code = "already_sold"
    message = N_("%(product)s已有人购买，不能撤销导入")


class ReservationMismatch(Conflict):
    code = "reservation_mismatch"
    message = N_("这个订单已预留了其他货品")


class ReservationExpired(Expired):
    code = "expired"
    message = N_("库存预留已过期，请重新下单")


class UnknownZone(InvalidInput):
    code = "unknown_zone"
    message = N_("没有这个温区：%(zone)s")


class CannotKeep(InvalidInput):
    code = "cannot_keep"
    message = N_("%(product)s须保持在 %(min_c)g 至 %(max_c)g °C，%(hub)s没有能保持的车厢（%(zone)s）")


class CertificateMissing(InvalidInput):
    code = "certificate_missing"
    message = N_("%(product)s须附承诺达标合格证")


class SenderAgreementMissing(InvalidInput):
    code = "sender_agreement_missing"
    message = N_("%(product)s是生鲜或贵重物品，须由寄件人约定可以入柜")


class RestrictedProduct(InvalidInput):
    code = "restricted"
    message = N_("%(product)s属于限制使用农药，不得网上销售")


class StillInWithdrawal(InvalidInput):
    code = "withdrawal_period"
    message = N_("用药安全间隔期未满，%(safe_from)s 起才可采收")


class NotFresh(InvalidInput):
    code = "not_fresh"
    message = N_("%(product)s已过保质期（%(expires_on)s）")
