"""This module has what lets django-scim2 take part at all."""

from contextlib import suppress

from django_scim.adapters import SCIMUser
from django_scim.exceptions import NotImplementedError as NotOfferedError
from django_scim.filters import GroupFilterQuery


class User(SCIMUser):
    """Ignores replaces of attributes that have no column, where the original answers 501."""

    def handle_replace(self, path, value, operation):
        with suppress(NotOfferedError):
            super().handle_replace(path, value, operation)


class Groups(GroupFilterQuery):
    """Finds groups by their columns."""

    attr_map = {("displayName", None, None): "name", ("externalId", None, None): "scim_external_id"}
