"""Known mistakes in the notebook first_model, each with what its student should think about."""

from __future__ import annotations

import torch
from torch import nn

from grader.checks import misconception
from grader.checks.first_model.misconceptions_train import *  # noqa: F403 - its group of this catalogue
from grader.checks.first_model.reference_first_model import DEVICE, Images, Model, Tensor

# --- prepare ----------------------------------------------------------------------------------------------


@misconception(
    "prepare",
    "grey values that are not divided",
    """The numbers are still 0 to 255. The net starts with weights that suit inputs of size 1: with inputs in
    the hundreds its first logits are in the hundreds, too, and the first steps are far too long.""",
)
def not_divided(images: Images) -> Tensor:
    return torch.as_tensor(images).reshape(len(images), 784).float()


@misconception(
    "prepare",
    "divided by 256",
    """A byte has 256 values, but the largest of them is 255. Black ink should become exactly 1.""",
)
def divided_by_256(images: Images) -> Tensor:
    return torch.as_tensor(images).reshape(len(images), 784).float() / 256


@misconception(
    "prepare",
    "divided as whole numbers",
    """The division drops what is behind the point, so every grey that is not quite black becomes 0. Turn the
    bytes into floats before you divide, or divide with /.""",
)
def whole_numbers(images: Images) -> Tensor:
    return (torch.as_tensor(images) // 255).reshape(len(images), 784).float()


@misconception(
    "prepare",
    "divided by the largest grey of the batch",
    """You divide by the darkest grey that happens to be there. Then the same image becomes other numbers in
    other company, and blank paper has nothing to be divided by. The scale belongs to the format: 255.""",
)
def by_largest(images: Images) -> Tensor:
    rows = torch.as_tensor(images).reshape(len(images), 784).float()
    return rows / torch.clamp(rows.max(), min=1.0)


@misconception(
    "prepare",
    "pixels of several images mixed in a row",
    """The shape is right, but a row holds pixels of several images. Reshaping keeps the order in which the
    numbers lie in memory: image by image. Which shape cuts that long line into whole images?""",
)
def mixed_images(images: Images) -> Tensor:
    return torch.as_tensor(images).reshape(784, len(images)).T.float() / 255


@misconception(
    "prepare",
    "column by column",
    """Each row holds its image column by column: the digits lie on their side. A row is the image line by
    line, the way the pixels lie in memory already.""",
)
def by_columns(images: Images) -> Tensor:
    return torch.as_tensor(images).transpose(1, 2).reshape(len(images), 784).float() / 255


@misconception(
    "prepare",
    "from -1 to 1",
    """The numbers go from -1 to 1. That is a sound scale, too, but not the one that is asked for here: paper
    is 0 and black ink is 1.""",
)
def minus_one_to_one(images: Images) -> Tensor:
    return torch.as_tensor(images).reshape(len(images), 784).float() / 127.5 - 1


@misconception(
    "prepare",
    "a tensor of float64",
    """The values are right, but of float64, as NumPy computes. A model's weights are float32, and PyTorch
    does not multiply the two. Which type do you convert to, and when?""",
)
def float64_rows(images: Images) -> Tensor:
    return torch.as_tensor(images).reshape(len(images), 784).double() / 255


# --- build_model ------------------------------------------------------------------------------------------


@misconception(
    "build_model",
    "softmax inside the model",
    """The model ends with a softmax, so it gives probabilities. The cross-entropy of PyTorch takes logits and
    does the softmax itself; done twice, it flattens every difference and the net learns slowly.""",
    also=("train",),
)
def softmax_inside() -> Model:
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10), nn.Softmax(dim=1))


@misconception(
    "build_model",
    "no ReLU",
    """There is nothing between the two linear layers. Two linear maps in a row are one linear map: the 512
    units in between add nothing that ten logits straight from the pixels could not do.""",
    also=("train",),
)
def no_relu() -> Model:
    return nn.Sequential(nn.Linear(784, 512), nn.Linear(512, 10))


@misconception(
    "build_model",
    "a ReLU after the last layer",
    """The logits go through a ReLU. A logit may well be negative: that is how the net says no. Cut off at
    zero, all the digits that it rules out look the same, and no gradient reaches them.""",
    also=("train",),
)
def relu_at_the_end() -> Model:
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10), nn.ReLU())


@misconception(
    "build_model",
    "sigmoid in place of ReLU",
    """The hidden units are sigmoids. They work, but what is asked for is the rectified linear unit, which
    passes what is positive unchanged and so learns faster.""",
    also=("train",),
)
def sigmoid_units() -> Model:
    return nn.Sequential(nn.Linear(784, 512), nn.Sigmoid(), nn.Linear(512, 10))


@misconception(
    "build_model",
    "another number of hidden units",
    """The hidden layer has another size than 512. A net with fewer units has fewer features to tell the
    digits by; look at the picture of the net again.""",
    also=("train",),
)
def fewer_units() -> Model:
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


@misconception(
    "build_model",
    "one hidden layer too many",
    """There are two layers of 512 units. One hidden layer is asked for: two Linear in all, one into the 512
    units, and one out of them.""",
    also=("train",),
)
def two_hidden_layers() -> Model:
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


@misconception(
    "build_model",
    "one logit in place of ten",
    """The last layer has a single output, as if the digit were a number to be hit. A 4 is no nearer to a 5
    than to a 9: give each of the ten digits a logit of its own.""",
    also=("train", "predict"),
)
def one_output() -> Model:
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 1))


@misconception(
    "build_model",
    "layers without biases",
    """The layers have no biases, so each unit's line, plane or hyperplane must go through the origin. What is
    asked for has a bias for each of the 512 units and each of the 10 logits.""",
    also=("train",),
)
def no_biases() -> Model:
    return nn.Sequential(nn.Linear(784, 512, bias=False), nn.ReLU(), nn.Linear(512, 10, bias=False))


# --- predict ----------------------------------------------------------------------------------------------


@misconception(
    "predict",
    "the largest over the rows",
    """You look for the largest number down each column: which row is most of a 3, say. The question is, for
    each row, which of its ten logits is the largest. Along which dimension is that?""",
)
def over_the_rows(model: Model, X: Tensor) -> Tensor:
    model.to(DEVICE).eval()
    with torch.no_grad():
        return model(X.to(DEVICE)).argmax(dim=0).cpu()


@misconception(
    "predict",
    "the largest logit and not where it stands",
    """You return how large the largest logit is. The answer is the digit that it belongs to: the position of
    the largest, not its value.""",
)
def the_largest_value(model: Model, X: Tensor) -> Tensor:
    model.to(DEVICE).eval()
    with torch.no_grad():
        return model(X.to(DEVICE)).max(dim=1).values.cpu()


@misconception(
    "predict",
    "probabilities",
    """You return ten probabilities for each row. That is how sure the net is; asked for is its answer, one
    digit for each row.""",
)
def probabilities(model: Model, X: Tensor) -> Tensor:
    model.to(DEVICE).eval()
    with torch.no_grad():
        return torch.softmax(model(X.to(DEVICE)), dim=1).cpu()


@misconception(
    "predict",
    "one-hot answers",
    """You return a row of zeros with a single one for each image. Asked for is the digit itself, the position
    of that one.""",
)
def one_hot(model: Model, X: Tensor) -> Tensor:
    model.to(DEVICE).eval()
    with torch.no_grad():
        return nn.functional.one_hot(model(X.to(DEVICE)).argmax(dim=1), 10).cpu()


@misconception(
    "predict",
    "counted from one",
    """Your answers go from 1 to 10. The positions of the logits count from 0, and the digits do, too: the
    first logit stands for the digit 0.""",
)
def from_one(model: Model, X: Tensor) -> Tensor:
    model.to(DEVICE).eval()
    with torch.no_grad():
        return model(X.to(DEVICE)).argmax(dim=1).cpu() + 1


@misconception(
    "predict",
    "the smallest logit",
    """You return the digit with the smallest logit, the one that the net finds least likely.""",
)
def the_smallest(model: Model, X: Tensor) -> Tensor:
    model.to(DEVICE).eval()
    with torch.no_grad():
        return model(X.to(DEVICE)).argmin(dim=1).cpu()
