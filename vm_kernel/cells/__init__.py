"""The JavaScript side of cells and what reads it; refuses to run anything."""
