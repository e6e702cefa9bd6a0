"""Gemini's REST and WebSocket clients."""
