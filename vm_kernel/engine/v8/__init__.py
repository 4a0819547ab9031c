"""V8 through mini-racer's shared library: the only room that knows ctypes layouts and the package's files."""
