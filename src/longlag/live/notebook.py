"""`longlag.play`: the page in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longlag.adapters.models import user_model
from longlag.adapters.models.user_model import MakeModel
from longlag.knobs import named_arguments, require
from longlag.live.session import Session
from longlag.models import ModelFactory
from longlag.problems import Problem

if TYPE_CHECKING:
    from longlag.live.widget import Widget


@named_arguments
def play(
    lesson: str | None = None,
    *,
    problem: Problem | None = None,
    model: ModelFactory | MakeModel | str | None = None,
) -> Widget:
    """The page of `longlag play` in a notebook: Jupyter, VS Code, Colab, marimo.

    Training runs in a thread, so that other cells can run meanwhile; they share its cores.

    Args:
        lesson: The lesson to begin with (`longlag play --help`); by default the first.
        problem: A problem of your own, among the options.
        model: A model of your own, likewise.

    Returns:
        The widget, which a notebook shows as the last line of a cell.

    Raises:
        ImportError: anywidget is not installed (`pip install 'longlag[notebook]'`).
        ValueError: There is no such lesson.

    """
    try:
        from longlag.live.widget import Widget
    except ImportError as error:
        raise ImportError(
            "play: a page in a notebook needs anywidget. Use pip install 'longlag[notebook]', or "
            "longlag play in a terminal."
        ) from error
    if problem is not None:
        require("play", "problem", problem, Problem, "a problem, such as EchoLag()")
    own = None if model is None else user_model.as_factory(model)
    if own is not None:
        require("play", "model", own, ModelFactory, "a model, or a function that makes one")
    return Widget(
        Session(
            lesson,
            problems={} if problem is None else {"problem": problem},
            models={} if own is None else {"model": own},
        )
    )
