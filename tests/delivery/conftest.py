"""What tests of deliveries have in common."""

from tests.openid.conftest import authority, ca_file

__all__ = ["authority", "ca_file"]
