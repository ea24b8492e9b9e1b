"""This module has the URLs and the bearer check."""

from django.conf import settings
from django.http import HttpResponse
from django.urls import include, path

urlpatterns = [path("scim/v2/", include("django_scim.urls", namespace="scim"))]


class Client:
    """The authenticated client, in the shape of a user."""

    is_authenticated, is_anonymous, is_active, pk, id = True, False, True, 0, 0


class Bearer:
    """The bearer check."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.headers.get("Authorization") != f"Bearer {settings.SECRET_KEY}":
            return HttpResponse(status=401)
        request.user = Client()
        return self.get_response(request)
