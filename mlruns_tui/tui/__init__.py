"""The screen. It shows values and asks the workflow for changes; it reads and writes no store itself."""
