from django.urls import path

from analytics.views.home import home
from analytics.views.overview import overview
from analytics.views.receipt import receipt

app_name = "analytics"
urlpatterns = [
    path("", home, name="home"),
    path("o/<slug:slug>/", overview, name="overview"),
    path("o/<slug:slug>/receipts/<uuid:hold_id>", receipt, name="receipt"),
]
