from django.urls import path

from analytics import views

app_name = "analytics"
urlpatterns = [
    path("", views.home, name="home"),
    path("o/<slug:slug>/", views.overview, name="overview"),
    path("o/<slug:slug>/receipts/<uuid:hold_id>", views.receipt, name="receipt"),
]
