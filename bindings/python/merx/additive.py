"""Additive models: boosted shapes, one for each column and for few pairs, as exact as trees and as readable as a line.

    >>> import numpy as np
    >>> from merx.additive import AdditiveRegressor
    >>> x = np.linspace(0, 6, 200)[:, None]
    >>> model = AdditiveRegressor(bags=2).fit(x, np.sin(x[:, 0]))
    >>> bool(abs(model.predict([[1.5]])[0] - np.sin(1.5)) < 0.1)
    True

Missing values (NaN), words and dates are taken as they are: give a pandas DataFrame.
"""
from merx._generate import make

__all__ = ["AdditiveClassifier", "AdditiveRegressor"]


def shapes_svg(self):
    """The strongest terms of the fitted model as one self-contained SVG picture (text)."""
    self._check_is_fitted()
    return self._model.shapes_svg()


AdditiveRegressor = make("additive", "AdditiveRegressor", __name__)
AdditiveClassifier = make("additive_classifier", "AdditiveClassifier", __name__)
AdditiveRegressor.shapes_svg = AdditiveClassifier.shapes_svg = shapes_svg
AdditiveRegressor._repr_svg_ = AdditiveClassifier._repr_svg_ = lambda self: self.shapes_svg() if self._is_fitted() else None
del shapes_svg
