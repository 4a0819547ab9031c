"""Owns what is remembered of templates, sessions and executions; refuses to know HTTP and kernels. Start at `port`."""
