from django.urls import path

from analytics.views import budgets, keys, members
from analytics.views.home import home
from analytics.views.live import live, stream
from analytics.views.overview import overview
from analytics.views.receipt import receipt
from analytics.views.simulation import control
from analytics.views.usage import requests, usage, usage_csv

app_name = "analytics"
urlpatterns = [
    path("", home, name="home"),
    path("o/<slug:slug>/", overview, name="overview"),
    path("o/<slug:slug>/live/", live, name="live"),
    path("o/<slug:slug>/live/stream", stream, name="live-stream"),
    path("o/<slug:slug>/live/simulation", control, name="simulation"),
    path("o/<slug:slug>/usage/", usage, name="usage"),
    path("o/<slug:slug>/usage/requests", requests, name="usage-requests"),
    path("o/<slug:slug>/usage.csv", usage_csv, name="usage-csv"),
    path("o/<slug:slug>/receipts/<uuid:hold_id>", receipt, name="receipt"),
    path("o/<slug:slug>/budgets/", budgets.budgets, name="budgets"),
    path("o/<slug:slug>/budgets/set/", budgets.new, name="budget-set"),
    path("o/<slug:slug>/budgets/<int:budget_id>/", budgets.budget, name="budget"),
    path("o/<slug:slug>/budgets/<int:budget_id>/end/", budgets.end, name="budget-end"),
    path("o/<slug:slug>/members/", members.members, name="members"),
    path("o/<slug:slug>/members/add/", members.add, name="member-add"),
    path("o/<slug:slug>/members/<int:member_id>/", members.member, name="member"),
    path("o/<slug:slug>/members/<int:member_id>/invite/", members.invite_again, name="member-invite"),
    path("o/<slug:slug>/members/<int:member_id>/remove/", members.remove, name="member-remove"),
    path("o/<slug:slug>/keys/", keys.keys, name="keys"),
    path("o/<slug:slug>/keys/issue/", keys.issue, name="key-issue"),
    path("o/<slug:slug>/keys/<int:key_id>/revoke/", keys.revoke, name="key-revoke"),
]
