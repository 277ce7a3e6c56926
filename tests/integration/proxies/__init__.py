"""A real nginx and a real Caddy, with the files of deploy/, in front of a real server."""
