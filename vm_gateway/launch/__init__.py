"""Owns the putting together of a recorded session: kernel, plan, ledger; refuses to serve anybody but its clients."""
