"""The WebSocket interfaces: v1, v2, order events and the new one."""
