"""This package serves the pages about what Entra did: Status, Problems, Activity."""
