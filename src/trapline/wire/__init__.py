"""The messages between processes: pydantic models, with one module per concept."""
