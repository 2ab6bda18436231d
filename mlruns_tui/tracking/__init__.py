"""MLflow itself. The only room that imports it, and only inside functions: that takes seconds."""
