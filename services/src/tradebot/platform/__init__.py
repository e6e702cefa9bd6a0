"""Servers and the machine: Kafka, stores, metrics, health, logs, settings."""
