"""A Jupyter kernel around V8: one session of JavaScript cells; it knows nothing of gateways, HTTP or ledgers."""

__version__ = "0.1.0"
