"""This package installs the server as a service of systemd."""
