"""This package measures the running server for Prometheus, on an address of its own.

It is imported only where the setting `metrics_listen` is set (docs/decisions/0073-metrics-on-their-own-address.md).
"""
