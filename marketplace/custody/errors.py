from marketplace.kernel.errors import N_, Conflict


class WrongHolder(Conflict):
    code = "wrong_holder"
    message = N_("%(code)s 不在这里")


class UnitBlocked(Conflict):
    code = "unit_blocked"
    message = N_("%(code)s 已封存，不能交接")


class UnitClosed(Conflict):
    code = "unit_closed"
    message = N_("%(code)s 已结束流转")


class NotEnough(Conflict):
    code = "not_enough"
    message = N_("%(code)s 里只有 %(grams)s 克")


class CodeTaken(Conflict):
    code = "code_taken"
    message = N_("编号 %(code)s 正在使用")
