"""moto from the outside and the inside: the way of a request to it, its S3 as the services see it, its state."""
