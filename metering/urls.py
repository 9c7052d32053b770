from django.urls import path

from metering import api
from metering.description import Description

app_name = "api"
urlpatterns = [
    path("authorisations", api.Authorisations.as_view(), name="authorisations"),
    path("authorisations/<uuid:hold_id>/progress", api.ProgressReports.as_view(), name="progress"),
    path("authorisations/<uuid:hold_id>/settle", api.Settlements.as_view(), name="settle"),
    path("authorisations/<uuid:hold_id>/release", api.Releases.as_view(), name="release"),
    path("receipts/<uuid:hold_id>", api.Receipts.as_view(), name="receipt"),
    path("balance", api.Balances.as_view(), name="balance"),
    path("models", api.ModelList.as_view(), name="models"),
    path("usage", api.UsageSums.as_view(), name="usage"),
    path("budgets", api.BudgetList.as_view(), name="budgets"),
    path("budgets/runs", api.RunBudgets.as_view(), name="run-budgets"),
    path("limits", api.KeyLimits.as_view(), name="limits"),
    path("schema", Description.as_view(), name="schema"),
]
