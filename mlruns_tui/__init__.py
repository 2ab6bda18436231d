"""See what fills an MLflow store, find what is broken, clear out what is old, and take it back.

The Python API is loaded when it is first named, so that importing the package costs nothing.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .api import MLflowExperimentManager, cleanup_mlflow_experiments, setup_mlflow_experiment_safely

__all__ = ["MLflowExperimentManager", "cleanup_mlflow_experiments", "setup_mlflow_experiment_safely"]


def __getattr__(name: str) -> object:
    if name == "__version__":
        return _version()
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})


def _version() -> str:
    """Of the installed package, ``0+unknown`` when it is not installed.

    Read here because ``importlib.metadata`` alone takes three times as long as Python itself to start.
    """
    import os
    import sys

    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.startswith("mlruns_tui-") and name.endswith(".dist-info"):
                try:
                    with open(os.path.join(folder, name, "METADATA"), encoding="utf-8") as lines:
                        for line in lines:
                            if line.startswith("Version:"):
                                return line[len("Version:") :].strip()
                except OSError:
                    continue
    return "0+unknown"
