"""Relevo's operator: ModelDeployment → Deployment and Service, following MLflow's alias."""
