"""
The class report: one HTML page that tells an instructor how an assignment went.

    facts.py    gradebook and records → ClassFacts
    checks.py   records → pass rates, misconceptions, seconds
    looks.py    who needs a person, and why
    figures.py  points → five numbers and a histogram
    page.py     ClassFacts → HTML, by page.html.jinja and style.css
"""

from grader.report.command import class_report, write_report

__all__ = ["class_report", "write_report"]
