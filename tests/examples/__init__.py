"""The examples, run as a person runs them, their records exported and replayed."""
