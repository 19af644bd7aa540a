"""The pipeline's steps with scikit-learn's words: StandardScaler, MinMaxScaler, SimpleImputer, OneHotEncoder, LogTransformer.

    >>> from merx.preprocessing import SimpleImputer, StandardScaler
    >>> filled = SimpleImputer().fit_transform([[1.0], [float("nan")], [3.0]])
    >>> StandardScaler().fit_transform(filled).round(3)
    array([[-1.225],
           [ 0.   ],
           [ 1.225]])

They work alone and in scikit-learn's Pipeline and ColumnTransformer, take arrays, lists and frames, and keep the names of columns. Only NumPy is
imported; SciPy is, when OneHotEncoder returns a sparse matrix.
"""
from merx._preprocessing.encoders import OneHotEncoder
from merx._preprocessing.impute import SimpleImputer
from merx._preprocessing.scalers import LogTransformer, MinMaxScaler, StandardScaler

__all__ = ["LogTransformer", "MinMaxScaler", "OneHotEncoder", "SimpleImputer", "StandardScaler"]
