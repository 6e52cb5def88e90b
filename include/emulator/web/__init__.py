"""The HTTP side: the server, the way of a request to a service, who may ask, and the control API."""
