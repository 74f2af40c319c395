import graphene

from marketplace.api.guard import SIGNED_IN, guarded
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from marketplace.messages import services
from marketplace.messages.models import Notice


class NoticeType(graphene.ObjectType):
    class Meta:
        name = "Notice"

    id = graphene.ID(required=True)
    template = graphene.String(required=True)
    title = graphene.String(required=True)
    body = graphene.String(required=True)
    sent_at = graphene.DateTime(required=True)
    read_at = graphene.DateTime()
    reference = graphene.ID()

    def resolve_id(notice, info):
        return notice.uuid

    def resolve_title(notice, info):
        return services.title_of(notice)

    def resolve_body(notice, info):
        return services.body_of(notice)

    def resolve_sent_at(notice, info):
        return notice.created_at


class Query(graphene.ObjectType):
    my_notices = graphene.List(
        graphene.NonNull(NoticeType), required=True, first=graphene.Int(default_value=20)
    )

    @guarded(SIGNED_IN)
    def resolve_my_notices(root, info, first):
        mine = Notice.objects.filter(to_user_uuid=info.context.principal.user_uuid)
        return list(mine.order_by("-id")[: max(1, min(first, 100))])


class MarkNoticeRead(Command):
    class Arguments:
        id = graphene.ID(required=True)

    notice = graphene.Field(NoticeType)
    rule = SIGNED_IN

    @classmethod
    def perform(cls, principal, *, id):
        return {"notice": services.mark_read(principal=principal, notice_uuid=parse_uuid(id, "id"))}


class Mutation(graphene.ObjectType):
    mark_notice_read = MarkNoticeRead.Field()
