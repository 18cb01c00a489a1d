"""What nbgrader is told in an instructor's own server."""

c = get_config()  # noqa: F821 - nbgrader provides it

# The hub says who is in which course.
c.Authenticator.plugin_class = "nbgrader.auth.jupyterhub.JupyterHubAuthPlugin"
