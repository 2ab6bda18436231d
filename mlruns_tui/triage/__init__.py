"""What a store's state means and what should go, purely: time, values and evidence are parameters."""
