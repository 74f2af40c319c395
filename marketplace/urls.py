"""All addresses of the web process."""

import orjson
from django.conf import settings
from django.contrib import admin
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import include, path, re_path
from django.views.static import serve

from marketplace.accounts.services.sign_in import authenticate
from marketplace.api.execution import Executor
from marketplace.api.view import graphql_view
from marketplace.health import healthz
from marketplace.schema import schema


def page(request: HttpRequest, **_: str) -> HttpResponseBase:
    """The built single page app; its own router shows what the address asks for."""
    index = settings.FRONTEND_DIST / "index.html"
    if not index.is_file():
        return HttpResponse("The pages are not built: run `make install`.", status=503)
    response = FileResponse(index.open("rb"), content_type="text/html; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response


def schema_text(request: HttpRequest) -> HttpResponse:
    return HttpResponse(orjson.dumps(schema.introspect()), content_type="application/json")


def graphiql(request: HttpRequest, path: str) -> HttpResponseBase:
    """The query page for developers, with its own assets."""
    folder = settings.FRONTEND_DIST.parent / "dist-graphiql"
    return serve(request, path or "graphiql.html", document_root=str(folder))


urlpatterns = [
    path("graphql", graphql_view(Executor(schema.graphql_schema), authenticate)),
    path("healthz", healthz),
    path("admin/", admin.site.urls),
    path("payments/", include("orders.payments.urls")),
    path("stripe/", include("orders.payments.stripe_api.urls")),
    path("devices/", include("lockers.urls")),
    path("", include("farmers.urls")),
    path("", include("orders.urls")),
    path("", include("routing.urls")),
]
if settings.DEBUG:
    urlpatterns.append(path("graphql/schema.json", schema_text))
    urlpatterns.append(re_path(r"^graphiql/(?P<path>.*)$", graphiql))
urlpatterns.append(re_path(r"^(?!static/|media/|assets/)(?:[\w\-/]*)$", page))
