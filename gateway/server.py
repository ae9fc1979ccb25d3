"""The door's process: one port, served by uvicorn."""

import secrets
import sys
from datetime import UTC, datetime

import uvicorn

from assets.installation import Installation
from gateway.access_log import log_to
from gateway.app import DagsterAddresses, build
from gateway.door import Door
