"""Included under `payments/` by the top floor."""

from django.urls import path

from orders.payments import views

urlpatterns = [
    path("alipay/notify", views.notify),
    path("alipay/return", views.returned),
]
