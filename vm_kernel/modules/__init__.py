"""Host modules that a template can grant; none yet."""
