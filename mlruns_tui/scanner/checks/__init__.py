"""What is wrong in a store: everything MLflow or its migration is known to trip over, as symptoms.

Reads the contents of metrics, params and tags, which nothing else does unasked. It says what is there,
never what MLflow makes of it: that differs from version to version and is ``triage.impact``'s.
"""

from .seen import Seen
from .store import check_store

__all__ = ["Seen", "check_store"]
