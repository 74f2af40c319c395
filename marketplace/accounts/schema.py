import graphene

from marketplace.accounts.models import User
from marketplace.accounts.services.sign_in import (
    checked_phone,
    request_sign_in_code,
    sign_in_with_code,
    sign_in_with_pin,
    sign_out,
)
from marketplace.api.guard import PUBLIC, SIGNED_IN, guarded
from marketplace.api.mutations import Command
from marketplace.api.view import bearer_token


class MembershipType(graphene.ObjectType):
    class Meta:
        name = "Membership"

    role = graphene.String(required=True)
    scope_kind = graphene.String(required=True)
    scope_id = graphene.ID()
    scope_label = graphene.String(required=True)

    def resolve_scope_id(membership, info):
        return membership.scope_uuid


class Me(graphene.ObjectType):
    id = graphene.ID(required=True)
    name = graphene.String(required=True)
    phone = graphene.String(required=True)
    language = graphene.String(required=True)
    memberships = graphene.List(graphene.NonNull(MembershipType), required=True)

    def resolve_id(user, info):
        return user.uuid

    def resolve_memberships(user, info):
        return list(user.memberships.order_by("id"))


class Query(graphene.ObjectType):
    me = graphene.Field(Me, description="the signed-in user; null for nobody")

    @guarded(PUBLIC)
    def resolve_me(root, info):
        uuid = info.context.principal.user_uuid
        return User.objects.filter(uuid=uuid).first() if uuid else None


class RequestSignInCode(Command):
    class Arguments:
        phone = graphene.String(required=True)

    sent = graphene.Boolean()
    rule = PUBLIC

    @classmethod
    def tries(cls, principal, client, *, phone):
        return [(f"code:{checked_phone(phone)}", 3, 600), (f"code-from:{client}", 100, 600)]

    @classmethod
    def perform(cls, principal, *, phone):
        request_sign_in_code(phone=phone)
        return {"sent": True}


class SignIn(Command):
    class Arguments:
        phone = graphene.String(required=True)
        code = graphene.String(required=True)

    token = graphene.String()
    me = graphene.Field(Me)
    rule = PUBLIC
    atomic = False  # a wrong try must stay counted

    @classmethod
    def tries(cls, principal, client, *, phone, code):
        return [(f"sign-in:{checked_phone(phone)}", 20, 3600), (f"sign-in-from:{client}", 1000, 600)]

    @classmethod
    def perform(cls, principal, *, phone, code):
        token, user = sign_in_with_code(phone=phone, code=code)
        return {"token": token, "me": user}


class SignInWithPin(Command):
    class Arguments:
        phone = graphene.String(required=True)
        pin = graphene.String(required=True)

    token = graphene.String()
    me = graphene.Field(Me)
    rule = PUBLIC

    @classmethod
    def tries(cls, principal, client, *, phone, pin):
        return [(f"pin:{checked_phone(phone)}", 10, 900), (f"pin-from:{client}", 2000, 600)]

    @classmethod
    def perform(cls, principal, *, phone, pin):
        token, user = sign_in_with_pin(phone=phone, pin=pin)
        return {"token": token, "me": user}


class SignOut(Command):
    ok = graphene.Boolean()
    rule = SIGNED_IN

    @classmethod
    def mutate(cls, root, info, **arguments):
        token = bearer_token(info.context.request) if info.context.request else None
        return super().mutate(root, info, token=token)

    @classmethod
    def perform(cls, principal, *, token):
        if token:
            sign_out(token=token)
        return {"ok": True}


class Mutation(graphene.ObjectType):
    request_sign_in_code = RequestSignInCode.Field()
    sign_in = SignIn.Field()
    sign_in_with_pin = SignInWithPin.Field()
    sign_out = SignOut.Field()
