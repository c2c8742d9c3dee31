"""What all sections of the configuration are made of."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

Fraction = Annotated[float, Field(ge=0, le=1)]
_NAME, _FILE_NAME = r"^[a-z][a-z0-9_]*$", r"^\w[\w.-]*$"
Name = Annotated[str, Field(pattern=_NAME)]
FileName = Annotated[str, Field(pattern=_FILE_NAME)]  # in a folder, never a path
# Pattern → what is said of a text that does not fit.
PATTERNS = {
    _NAME: "small letters a–z, digits and '_', beginning with a letter, such as my_run_2",
    _FILE_NAME: "the name of a file: letters, digits, '_', '.' and '-', without folders",
}
# What computes. cuda: conda's builds of torch and FAISS for a GPU, and a GPU for each cluster job
# that can use one. A part of the experiment, because results depend on its arithmetic.
Device = Literal["auto", "cpu", "cuda"]  # auto: a GPU if the job finds one
Precision = Literal["auto", "float32", "bfloat16"]  # of networks; auto: bfloat16 on a GPU with it
_Number = TypeVar("_Number", int, float)


def _distinct(values: list[_Number]) -> list[_Number]:
    twice = [value for value in values if values.count(value) > 1]
    if twice:
        raise ValueError(f"{twice[0]:g} stands twice, expected each value once")
    return values


Lengths = Annotated[list[PositiveFloat], Field(min_length=1), AfterValidator(_distinct)]
Cutoffs = Annotated[list[PositiveInt], Field(min_length=1), AfterValidator(_distinct)]
Seeds = Annotated[list[NonNegativeInt], Field(min_length=1), AfterValidator(_distinct)]


def _ascending(edges: list[float]) -> list[float]:
    if sorted(set(edges)) != edges:
        raise ValueError(f"edges {edges}, expected ascending numbers")
    return edges


Edges = Annotated[list[float], Field(min_length=1), AfterValidator(_ascending)]


class Section(BaseModel):
    """A part of the configuration: unknown keys and silent conversions are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Row(Section):
    """A row of the tables."""

    name: Name  # in files and folders
    label: str | None = None  # in tables and figures; None: from the name

    @property
    def shown(self) -> str:
        """What tables and figures call it."""
        return self.label or self.name.replace("_", " ").capitalize()

    @property
    def parts(self) -> list[str]:
        """The systems that it consists of: itself, or those that it fuses."""
        return [self.name]


def network(model: Section) -> dict[str, Any]:
    """What an encoder or a re-ranker is: its section without those on its training and its use."""
    return model.model_dump(mode="json", exclude={"training", "fingerprints", "rescoring"})
