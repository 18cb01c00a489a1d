"""
Grades as files for a learning management system: plugins of `nbgrader export`.

    nbgrader export --exporter=grader.export.CanvasExporter --assignment='["backprop"]'

What counts, what is rounded and what is left blank is one rule for all of them (exporter.py); how a file
looks is told in canvas.py, moodle.py and plain.py. docs/export.md explains the settings.
"""

from grader.export.canvas import CanvasExporter
from grader.export.moodle import MoodleExporter
from grader.export.plain import PlainExporter

__all__ = ["CanvasExporter", "MoodleExporter", "PlainExporter"]
