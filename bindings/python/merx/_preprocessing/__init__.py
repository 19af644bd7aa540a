"""The steps of merx.preprocessing, a file for each kind."""
