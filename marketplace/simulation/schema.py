"""The tester's console in GraphQL: there only with TESTER_CONSOLE, and for testers only."""

import graphene

from marketplace.api.guard import guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from marketplace.simulation import console

TESTER = roles("tester")


class TestClock(graphene.ObjectType):
    business_now = graphene.DateTime(required=True)
    frozen = graphene.Boolean(required=True)


class QuiescenceType(graphene.ObjectType):
    class Meta:
        name = "Quiescence"

    quiet = graphene.Boolean(required=True)
    outbox_pending = graphene.Int(required=True)
    commands_in_flight = graphene.Int(required=True)
    tasks_in_flight = graphene.Int(required=True)
    due_work = graphene.Int(required=True, description="waves to plan; 1 more until the drain has looked")
    gateway_pending = graphene.Int(required=True)


class Query(graphene.ObjectType):
    test_clock = graphene.Field(TestClock)
    quiescence = graphene.Field(QuiescenceType, required=True)

    @guarded(TESTER)
    def resolve_test_clock(root, info):
        return console.test_clock()

    @guarded(TESTER)
    def resolve_quiescence(root, info):
        return console.quiescence()


class SetTestClock(Command):
    class Arguments:
        at = graphene.DateTime(description="where to move to; where it is now when left out")
        frozen = graphene.Boolean(required=True)

    clock = graphene.Field(TestClock)
    rule = TESTER

    @classmethod
    def perform(cls, principal, *, frozen, at=None):
        return {"clock": console.set_test_clock(at=at, frozen=frozen)}


class CabinetFault(Command):
    class Arguments:
        cabinet_id = graphene.ID(required=True)
        fault = graphene.String(required=True, description="offline, power_cut, jammed, warm_up, full, ...")
        on = graphene.Boolean(required=True)

    ok = graphene.Boolean()
    rule = TESTER
    atomic = False

    @classmethod
    def perform(cls, principal, *, cabinet_id, fault, on):
        console.cabinet_fault(cabinet_uuid=parse_uuid(cabinet_id, "cabinet_id"), fault=fault, on=on)
        return {"ok": True}


class TypeAtKeypad(Command):
    class Arguments:
        cabinet_id = graphene.ID(required=True)
        digits = graphene.String(required=True)

    result = graphene.String(description="opened, or why not: wrong, locked, overdue, held, ambiguous")
    doors = graphene.List(graphene.NonNull(graphene.Int))
    rule = TESTER
    atomic = False

    @classmethod
    def perform(cls, principal, *, cabinet_id, digits):
        answer = console.type_at_keypad(cabinet_uuid=parse_uuid(cabinet_id, "cabinet_id"), digits=digits)
        return {"result": "opened" if answer["ok"] else answer["reason"], "doors": answer["doors"]}


class PutIntoCompartment(Command):
    class Arguments:
        cabinet_id = graphene.ID(required=True)
        compartment = graphene.String(required=True, description="the label on the door, which stands open")
        parcel = graphene.String(required=True, description="the code on it")

    ok = graphene.Boolean()
    rule = TESTER
    atomic = False

    @classmethod
    def perform(cls, principal, *, cabinet_id, compartment, parcel):
        console.put_into_compartment(
            cabinet_uuid=parse_uuid(cabinet_id, "cabinet_id"), compartment=compartment, parcel=parcel
        )
        return {"ok": True}


class Mutation(graphene.ObjectType):
    set_test_clock = SetTestClock.Field()
    cabinet_fault = CabinetFault.Field()
    type_at_keypad = TypeAtKeypad.Field()
    put_into_compartment = PutIntoCompartment.Field()
