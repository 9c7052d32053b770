"""Where a signed-in person belongs."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from analytics.page import signed_in
from organisations.selectors import my_organisations


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Staff to the admin, members to their organisation, or to a choice of them."""
    user = signed_in(request)
    if user.is_staff:
        return redirect("admin:index")
    mine = my_organisations(user)
    if len(mine) == 1:
        return redirect("analytics:overview", slug=mine[0].organisation.slug)
    return render(request, "pages/organisations.html", {"memberships": mine})
