"""Option tables of the C library as Python sees them: what an option's default is."""


def default_of(option):
    """The default of an option (a row of _merx.families() or _merx.answers()) as a Python value; None where it has none."""
    text = option["default"]
    if text is None:
        return None
    if option["type"] == "bool":
        return text == "true"
    try:
        return {"int": int, "real": float}.get(option["type"], str)(text)
    except ValueError:
        return text  # a word that is taken beside numbers, "auto"
