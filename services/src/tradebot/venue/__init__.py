"""The exchange: Gemini's REST and WebSocket clients, and an emulator that stands in for it."""
