"""The numerics of the checks: each comparison with its tolerance and, under chance, its false-alarm rate."""

from grader.verify.arguments import assert_unchanged
from grader.verify.comparison import RELATIVE_TOLERANCE, assert_between, assert_close
from grader.verify.difference_quotient import (
    TINY,
    assert_no_difference_quotient,
    assert_no_quotient_noise,
    assert_not_numerical,
    quotient_probe,
)
from grader.verify.differences import describe_difference
from grader.verify.dropout import (
    FALSE_ALARM,
    assert_fresh,
    assert_independent,
    assert_inverted_scale,
    assert_share,
    share_interval,
)
from grader.verify.gradient import assert_gradients
from grader.verify.numerical import (
    central_difference,
    directional_difference,
    numerical_gradients,
    projected_loss,
)
from grader.verify.pictures import gradient_picture, learning_curve_picture
from grader.verify.training import (
    accuracy,
    as_losses,
    assert_reaches,
    figure,
    threshold,
    tolerance_factor,
)
from grader.verify.values import as_array, as_list, as_number, as_params, as_tuple

__all__ = [
    "FALSE_ALARM",
    "RELATIVE_TOLERANCE",
    "TINY",
    "accuracy",
    "as_array",
    "as_list",
    "as_losses",
    "as_number",
    "as_params",
    "as_tuple",
    "assert_between",
    "assert_close",
    "assert_fresh",
    "assert_gradients",
    "assert_independent",
    "assert_inverted_scale",
    "assert_no_difference_quotient",
    "assert_no_quotient_noise",
    "assert_not_numerical",
    "assert_reaches",
    "assert_share",
    "assert_unchanged",
    "central_difference",
    "describe_difference",
    "directional_difference",
    "figure",
    "gradient_picture",
    "learning_curve_picture",
    "numerical_gradients",
    "projected_loss",
    "quotient_probe",
    "share_interval",
    "threshold",
    "tolerance_factor",
]
