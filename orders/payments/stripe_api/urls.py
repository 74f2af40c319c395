"""Included under `stripe/` by the top floor: `api_base` of the client is `<PUBLIC_URL>/stripe`."""

from django.urls import path

from orders.payments.stripe_api.views import elsewhere, stripe_v1

urlpatterns = [path("v1/<path:path>", stripe_v1), path("<path:path>", elsewhere)]
