"""The outside's data: what a call brought, what is fetched from the client's own server, and the demo's people."""
