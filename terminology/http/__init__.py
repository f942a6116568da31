"""HTTP: the Flask application, the WSGI layers before it, media types, and the web server."""
