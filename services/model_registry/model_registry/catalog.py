"""MLflow's registry of models, and nothing else of MLflow: no experiments, no artefacts, no gateway, no page."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

Application = Callable[..., Any]

# It is nobody's to know that the platform runs MLflow, and artefacts have no place here.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ALLOWED_HOSTS": "*",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    # Both for this process alone: who stores a version here names an image by its digest.
    "_MLFLOW_SERVER_SERVE_ARTIFACTS": "false",
    "_MLFLOW_SERVER_ARTIFACT_ROOT": "/nonexistent",
}
_AGAIN_SECONDS = 5.0
_KNOWN_SECONDS = 5.0


class Catalog:
    """MLflow's registry over one database, there as soon as that is.

    Args:
        database_url: returns where the database is.
    """

    def __init__(self, database_url: Callable[[], str]) -> None:
        self._database_url = database_url
        self._application: Application | None = None
        self._engine: Any = None
        self._asked = (float("-inf"), False)

    def begin(self) -> None:
        """Load MLflow and bring the database to its schema, meanwhile; again until the database is there."""
        threading.Thread(target=self._begin, daemon=True).start()

    @property
    def application(self) -> Application | None:
        """Return MLflow's application; nothing as long as it is not loaded."""
        return self._application

    def database_answers(self) -> bool:
        """Return whether the database does, or did some seconds ago."""
        if self._engine is None:
            return False
        moment, answered = self._asked
        if time.monotonic() - moment > _KNOWN_SECONDS:
            answered = self._ask()
            self._asked = (time.monotonic(), answered)
        return answered

    def _ask(self) -> bool:
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    def _begin(self) -> None:
        while True:
            try:
                self._application = self._load()
            except Exception:
                # Whatever a database says that is not there yet: it is said, and tried again.
                traceback.print_exc()
                time.sleep(_AGAIN_SECONDS)
            else:
                return

    def _load(self) -> Application:
        """Return MLflow's application over a database of its schema.

        Raises:
            Exception: of many kinds, when the database does not do what it is asked.
        """
        url = self._database_url()
        os.environ.update(_ENVIRONMENT)
        os.environ.update({"_MLFLOW_SERVER_FILE_STORE": url, "_MLFLOW_SERVER_REGISTRY_STORE": url})
        from mlflow.server import app, handlers
        from mlflow.store.db.utils import _initialize_tables, _upgrade_db, create_sqlalchemy_engine
        from sqlalchemy import inspect

        engine = create_sqlalchemy_engine(url)
        # A newer MLflow than the one that made them refuses tables as they are.
        if inspect(engine).has_table("alembic_version"):
            _upgrade_db(engine)
        else:
            _initialize_tables(engine)
        handlers.initialize_backend_stores(url, url, _ENVIRONMENT["_MLFLOW_SERVER_ARTIFACT_ROOT"])
        self._engine = engine
        loaded: Application = app
        return loaded
