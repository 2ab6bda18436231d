"""What is remembered between visits, outside every store: in the user's own state directory."""
