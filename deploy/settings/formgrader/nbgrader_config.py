"""What nbgrader is told in the formgrader, beside the course's own nbgrader_config.py."""

import os

c = get_config()  # noqa: F821 - nbgrader provides it

c.CourseDirectory.root = os.environ.get("HUB_COURSE_FOLDER", "")
c.CourseDirectory.db_url = os.environ.get("HUB_GRADEBOOK", "")
