"""Tests against a real uvicorn on a free port, over real sockets."""
