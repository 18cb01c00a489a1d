"""What nbgrader is told in everybody's own server: the course, and the way to it."""

import os

c = get_config()  # noqa: F821 - nbgrader provides it

c.CourseDirectory.course_id = os.environ.get("HUB_COURSE", "")
c.Exchange.root = os.environ.get("HUB_EXCHANGE", "")
c.KernelManager.transport_encryption = "required"  # for Validate; see jupyter_server_config.py
