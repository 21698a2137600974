"""Real servers on one machine, each a context manager that stops what it started."""

from relevo_demo.servers.mlflow import MlflowServer
from relevo_demo.servers.ports import free_port
from relevo_demo.servers.postgres import PostgresServer
from relevo_demo.servers.process import ServerError
from relevo_demo.servers.s3 import S3Server
from relevo_demo.servers.source import SourceServer

__all__ = ["MlflowServer", "PostgresServer", "S3Server", "ServerError", "SourceServer", "free_port"]
