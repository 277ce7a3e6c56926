"""A real uvicorn on a free port: `http` has requests, `live` sockets, `faults` what must not bring it down."""
