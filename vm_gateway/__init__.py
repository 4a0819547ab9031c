"""Owns templates, sessions and executions, kept and served; refuses to run JavaScript: every session is a kernel."""
