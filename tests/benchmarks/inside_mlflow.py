"""What MLflow itself takes to list a store: ``inside_mlflow.py STORE``. Prints one line of JSON, CPU seconds.

``listing`` is search_experiments and search_runs alone, ``all`` is with the import of MLflow.
"""

from __future__ import annotations

import json
import sys
import time
import warnings


def main() -> None:
    warnings.simplefilter("ignore")
    import logging

    logging.disable(logging.CRITICAL)
    import mlflow
    from mlflow.entities import ViewType

    started = time.process_time()
    client = mlflow.MlflowClient(tracking_uri=sys.argv[1])
    experiments = client.search_experiments(view_type=ViewType.ALL, max_results=10_000)
    runs = 0
    for experiment in experiments:
        token = None
        while True:
            page = client.search_runs(
                [experiment.experiment_id], run_view_type=ViewType.ALL, max_results=10_000, page_token=token
            )
            runs += len(page)
            token = page.token
            if not token:
                break
    ended = time.process_time()
    print(json.dumps({"listing": ended - started, "all": ended, "experiments": len(experiments), "runs": runs}))


main()
