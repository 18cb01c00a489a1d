"""
The same class graded by stock nbgrader and by this project, in turn, on the same machine: `make bench`.

Stock means: hidden tests as asserts in the check cells, nbgrader's default preprocessors, a new kernel for
each notebook. docs/benchmarks.md has the figures and what they leave out.
"""
