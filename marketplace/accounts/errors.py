from marketplace.kernel.errors import N_, Conflict, InvalidInput


class WrongCode(InvalidInput):
    code = "wrong_code"
    message = N_("验证码不正确或已过期，请重新获取")


class WrongPin(InvalidInput):
    code = "wrong_pin"
    message = N_("手机号或 PIN 不正确")


class BadPhone(InvalidInput):
    code = "bad_phone"
    message = N_("手机号应为 11 位数字，以 1 开头")


class UnknownRole(InvalidInput):
    code = "unknown_role"
    message = N_("没有这个角色：%(role)s")


class NoConsent(Conflict):
    code = "no_consent"
    message = N_("收件人没有同意在这里取件")
