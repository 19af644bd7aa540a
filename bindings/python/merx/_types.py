"""Types in the signatures of merx; the package itself never imports them.

    from typing import TYPE_CHECKING
    if TYPE_CHECKING:
        from merx._types import MatrixLike
"""
import os
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike


class Frame(Protocol):
    """A data frame: pandas.DataFrame and what is like it."""

    @property
    def columns(self) -> Any: ...

    @property
    def shape(self) -> Any: ...


class SparseMatrix(Protocol):
    """One of SciPy's sparse matrices or arrays."""

    @property
    def shape(self) -> Any: ...

    def tocsr(self) -> Any: ...


class CSRMatrix(Protocol):
    """Sparse by rows: scipy.sparse.csr_matrix, or anything with its four attributes."""

    @property
    def shape(self) -> Any: ...

    @property
    def indptr(self) -> Any: ...

    @property
    def indices(self) -> Any: ...

    @property
    def data(self) -> Any: ...


Array = np.ndarray[Any, Any] | list[Any] | tuple[Any, ...] | Frame
"""Several numbers or names, where text has another meaning."""
MatrixLike = ArrayLike | Frame | SparseMatrix
"""Rows of a table: (n, d)."""
SparseRows = CSRMatrix | SparseMatrix
"""Who had what: (n_users, n_items)."""
ProgressCallback = Callable[[str, float, int, str, float, float], object]
"""Called with stage, share done (below 0: unknown), units done, their name, seconds since the stage began, seconds left (below 0: unknown)."""
Progress = bool | ProgressCallback | None
RandomState = int | np.random.RandomState | np.random.Generator | None
Path = str | os.PathLike[str]
OptionValue = str | float | Decimal | date | os.PathLike[str] | Iterable[str | float]
"""What is taken where an answer's option is text: ids also as a list."""
