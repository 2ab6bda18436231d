"""System calls on files: ``look`` reads, ``change`` is every call of the program that alters a disk."""
