"""Kibana's dashboards, made from a small description."""
