from marketplace.kernel.errors import N_, Conflict, InvalidInput


class NoSuchOption(InvalidInput):
    code = "no_such_option"
    message = N_("这个地点没有配送点")


class NotOnThisRoute(Conflict):
    code = "not_on_this_route"
    message = N_("%(code)s 不属于这条线路，应装 %(belongs)s")


class NotAtThisStop(Conflict):
    code = "not_at_this_stop"
    message = N_("%(code)s 不在这个停靠点交接")


class NotThisPlace(Conflict):
    code = "not_this_place"
    message = N_("收件人没有同意这个取货点，或者它不在 2 公里内")


class RouteNotStarted(Conflict):
    code = "route_not_started"
    message = N_("线路还没有出发")


class StopNotReached(Conflict):
    code = "stop_not_reached"
    message = N_("请先确认到达这个停靠点")


class VanIsDown(Conflict):
    code = "van_is_down"
    message = N_("%(van)s 已经报过故障")


class VanWorks(Conflict):
    code = "van_works"
    message = N_("这辆车没有报故障，或者已经修好")


class OpenStops(Conflict):
    code = "open_stops"
    message = N_("还有 %(count)s 个停靠点没有完成")


class NoTrunkVehicle(Conflict):
    code = "no_trunk_vehicle"
    message = N_("%(hub)s 没有干线车辆")


class UnknownWave(InvalidInput):
    code = "unknown_wave"
    message = N_("没有这个波次")


class PlanRefused(Conflict):
    code = "plan_refused"
    message = N_("计划未通过可行性检查：%(why)s")


class RoutesOnTheRoad(Conflict):
    code = "routes_on_the_road"
    message = N_("车辆已经出发，不能再整体改计划")


class NotThatDay(InvalidInput):
    code = "not_that_day"
    message = N_("只能计划今天起 %(days)s 天内的波次")


class PlanChanged(Conflict):
    code = "plan_changed"
    message = N_("计划刚刚有了新版本，请看过再改")


class NoPlanYet(Conflict):
    code = "no_plan"
    message = N_("这个波次还没有发布的计划")


class DoesNotFit(Conflict):
    code = "does_not_fit"
    message = N_("放不进去：%(why)s")


class NothingToUndo(Conflict):
    code = "nothing_to_undo"
    message = N_("没有可以撤销的改动")


class AlreadyUnderWay(Conflict):
    code = "already_under_way"
    message = N_("这一站已经开始或完成，不能再改")


class WaybillsOnTheRoad(Conflict):
    code = "waybills_on_the_road"
    message = N_("%(number)s 已经离开共配中心，不能撤销这批导入")


class NothingToPlan(Conflict):
    code = "nothing_to_plan"
    message = N_("这一天的这个波次没有要运的货")


class ClosedOneWay(InvalidInput):
    code = "closed_one_way"
    message = N_("请选择另一端的地点，或者填写半径，二者只能有一个")


class ClosedTooLong(InvalidInput):
    code = "closed_too_long"
    message = N_("封闭要在现在以后结束，最长 %(days)s 天")


class NotThoseWeekdays(InvalidInput):
    code = "not_those_weekdays"
    message = N_("请至少选择一个星期几")


class TourTaken(Conflict):
    code = "tour_taken"
    message = N_("%(vehicle)s 在这些日子已有固定线路 %(tour)s")
