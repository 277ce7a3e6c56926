"""A Python client for a duostyle server; it needs the contract alone: neither torch nor the server's own parts."""

from __future__ import annotations

from duostyle.client.client import AsyncClient, Client
from duostyle.client.follow import Event, Frame
from duostyle.client.http import Unreachable
from duostyle.client.requests import Format, Ticket

__all__ = ["AsyncClient", "Client", "Event", "Format", "Frame", "Ticket", "Unreachable"]
