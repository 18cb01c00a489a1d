"""The course's settings for nbgrader: names only, no logic; every class is named as text (see below)."""

c = get_config()  # noqa: F821 - nbgrader provides it

c.CourseDirectory.course_id = "deep-learning"

# What a student finds in an empty blank, and in an empty answer.
c.ClearSolutions.code_stub = {"python": 'raise NotImplementedError("<- write your solution here")'}
c.ClearSolutions.text_stub = "*Write your answer here, in place of this line.*"

# As text, so that nothing in this file can fail: nbgrader passes over a configuration file that raises, and
# would then run students' code without a wall. A class that can't be imported stops it instead.
c.Autograde.exporter_class = "grader.converter.CourseExporter"
# Takes a submission only from its own student, and never through a link.
c.ExchangeFactory.collect = "grader.collect.CourseCollect"
# What nbgrader's own five do (outputs, duplicates, kernel, locked cells, metadata), CourseExporter does as it
# reads.
c.Autograde.sanitize_preprocessors = []
c.Autograde.autograde_preprocessors = [
    "grader.preprocessors.GradeNotebook",  # in place of nbgrader.preprocessors.Execute
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "grader.preprocessors.SavePoints",  # in place of nbgrader.preprocessors.SaveAutoGrades
    "nbgrader.preprocessors.AssignLatePenalties",
]
c.GenerateFeedback.preprocessors = [
    "grader.preprocessors.TellScores",  # in place of nbgrader.preprocessors.GetGrades
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
