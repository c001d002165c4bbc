"""Every message that crosses a process, and nothing else: pydantic models, a file a concept."""
