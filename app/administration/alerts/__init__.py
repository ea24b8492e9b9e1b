"""This package finds out what an administrator must know at once, and sends it by e-mail and webhook."""
