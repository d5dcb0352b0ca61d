"""The platform's registry of models: MLflow's, behind a door that asks who it is."""

__version__ = "0.1.0"
