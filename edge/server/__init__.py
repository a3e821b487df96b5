"""The network room: routes, the one error -> HTTP table, TLS, and the server beneath them."""
