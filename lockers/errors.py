"""What lockers refuse, by name.

Conflict
├── NoRoom            no cell of that size and zone is left; `params["places"]`: a key of PLACE_REASONS per
place
├── DoorNotClosed     the door has not opened and closed yet
├── DropFailed        the opening ended as jammed or unknown: open again
├── CabinetSilent     not heard of lately
├── HoldGone          the hold was given back before it was needed
├── NotCollectable    no parcel of this group may be taken out
├── NothingToInspect  no inspection waits for this parcel
├── CannotExtend      the storage period stays as it is; `code` says why
├── SitesInUse        an imported cabinet has started up or parcels go there: not undone any more
└── CompartmentBusy   occupied, so it cannot be given away
Forbidden
├── RegistrationRefused  used, expired or never issued
└── RequestRefused       a device's request whose signature or number does not hold
InvalidInput
├── DepositRefused    consent, agreement, damage or weight: the door stays shut; `code` says which
├── WrongCabinet      not the one that the parcel lies in
├── UnknownDecision   neither release nor return
└── ReasonMissing
"""

from marketplace.kernel.errors import N_, Conflict, Forbidden, InvalidInput


class NoRoom(Conflict):
    code = "no_room"
    message = N_("没有合适的空格口")


class DoorNotClosed(Conflict):
    code = "door_not_closed"
    message = N_("柜门还没有打开并关好")


class DropFailed(Conflict):
    code = "drop_failed"
    message = N_("柜门没有正常打开，请重新开门或换一格")


class CabinetSilent(Conflict):
    code = "cabinet_silent"
    message = N_("取货柜暂时联系不上")


class HoldGone(Conflict):
    code = "hold_gone"
    message = N_("柜格预占已失效")


class NotCollectable(Conflict):
    code = "not_collectable"
    message = N_("现在没有可取的包裹")


class CompartmentBusy(Conflict):
    code = "compartment_busy"
    message = N_("格口内还有包裹")


class SitesInUse(Conflict):
    code = "sites_in_use"
    message = N_("“%(name)s”已启用或有包裹，不能撤回")


class NothingToInspect(Conflict):
    code = "nothing_to_inspect"
    message = N_("这个包裹不在待查验之列")


class CannotExtend(Conflict):
    code = "cannot_extend"
    message = N_("不能延长保管")


EXTENSION_REFUSALS = {
    "used_up": N_("免费延长只有一次，已经用过"),
    "shelf_life": N_("商品保质期快到了，不能再放"),
    "cell_needed": N_("格口要留给别的包裹，不能延长"),
}


class UnknownDecision(InvalidInput):
    code = "unknown_decision"
    message = N_("处理结果只能是放行或退回")


class WrongCabinet(InvalidInput):
    code = "wrong_cabinet"
    message = N_("包裹不在这台柜里，请核对柜门上的编号")


class ReasonMissing(InvalidInput):
    code = "reason_missing"
    message = N_("请写明原因")


class DepositRefused(InvalidInput):
    code = "deposit_refused"
    message = N_("包裹不能入柜")


DEPOSIT_REFUSALS = {
    "no_consent": N_("收件人没有同意投柜"),
    "no_sender_agreement": N_("寄件人没有约定可以入柜"),
    "damaged": N_("包装破损，不能入柜"),
    "too_heavy": N_("超过格口承重"),
    "too_warm": N_("温度超过交接上限，不能入柜"),
    "no_reading": N_("冷藏、冷冻件请先测温"),
    "valuable": N_("贵重物品没有寄件人约定，不能入柜"),
    "weight_off": N_("重量与面单明显不符"),
}
PLACE_REASONS = {
    "no_cabinet": N_("没有取货柜"),
    "silent": N_("取货柜联系不上"),
    "no_such_cell": N_("没有这种大小或温区的格口"),
    "full": N_("已满"),
    "not_agreed": N_("收件人没有选择这里"),
}


class RegistrationRefused(Forbidden):
    code = "registration_refused"
    message = N_("注册码无效或已使用")


class RequestRefused(Forbidden):
    code = "request_refused"
    message = N_("设备请求的签名或序号不成立")
