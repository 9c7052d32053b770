"""Providers and models, to read: what is sold comes in with its prices."""

from django.contrib import admin

from common.admin import StaffAdmin
from providers.models import Model, Provider


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
