"""The exchange: Gemini's REST and WebSocket clients, and an emulator to use instead."""
