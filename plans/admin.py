"""Plans and who is on which, to read."""

from django.contrib import admin

from common.admin import StaffAdmin
from organisations.admin.tenants import TenantAdmin
from plans.models import Plan, Subscription


@admin.register(Plan)
class PlanAdmin(StaffAdmin):
    list_display = ("name", "slug", "markup", "includes")
    ordering = ("position", "pk")

    @admin.display(description="Access classes")
    def includes(self, plan: Plan) -> str:
        return ", ".join(plan.access_classes)


@admin.register(Subscription)
class SubscriptionAdmin(TenantAdmin):
    list_display = ("organisation", "plan", "since")
    list_select_related = ("organisation", "plan")
    ordering = ("organisation_id",)
