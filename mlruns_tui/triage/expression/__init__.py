"""Filter expressions: what ``mlflow.search_runs`` accepts, and ``or``, ``not``, parentheses, sizes, durations.

Meaning taken from MLflow 3.17's ``mlflow.utils.search_utils``; held to it by generated expressions over
generated runs. What MLflow refuses and this accepts is listed in ``fields``. One thing differs on purpose:
where the ``and`` before an ``IN`` or ``IS`` clause is missing, MLflow looks for a param whose name is the whole
clause in front; here both clauses mean what they say.
"""

from .evaluating import Context, compile_expression
from .literals import BadExpression
from .parser import parse
from .tree import Expression

__all__ = ["BadExpression", "Context", "Expression", "compile_expression", "parse"]
