"""The price book, to read: it changes by `load_price_book`, since a price needs two people."""

from django.contrib import admin

from common.admin import StaffAdmin
from providers.models import Model, Provider, Rate


@admin.register(Provider)
class ProviderAdmin(StaffAdmin):
    list_display = ("name", "slug")
    ordering = ("name", "pk")


@admin.register(Model)
class ModelAdmin(StaffAdmin):
    list_display = ("name", "provider", "access_class", "context_tokens", "max_output_tokens")
    list_filter = ("provider", "access_class")
    list_select_related = ("provider",)
    search_fields = ("name", "aliases__name")
    ordering = ("provider__slug", "name")


@admin.register(Rate)
class RateAdmin(StaffAdmin):
    list_display = ("model", "leaf", "service_tier", "class_above", "price", "effective_from", "source")
    list_filter = ("model", "leaf", "service_tier")
    list_select_related = ("model__provider",)
    search_fields = ("model__name",)
    ordering = ("model__provider__slug", "model__name", "leaf", "service_tier", "class_above", "-effective_from")
