"""The engine: V8 in a child process behind one port; knows nothing of Jupyter messages."""
