"""The Jupyter messaging protocol over ZeroMQ; knows nothing of engines and recorders."""
