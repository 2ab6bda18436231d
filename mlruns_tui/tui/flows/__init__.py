"""What keys of the main screen lead to, by subject: moving, marking, reading, changing."""
