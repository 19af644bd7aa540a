"""Reading a CSV file into a typed table by pandas, pyarrow, polars or duckdb: csv_read.py LIBRARY PATH (see worker.py).

Every library is told the types of the columns, has dates and times parsed, keeps words and texts as strings of its own kind (categories, which merx makes of the
words as well, would be more work), and may use two threads. With "check" after "go", rows, missing values and sums of every column are reported.
"""
import sys

import worker

LIBRARY, PATH = sys.argv[1:3]
INTEGERS, FLOATS = ("id", "quantity", "customer"), ("price", "weight", "discount")
STRINGS = ("country", "status", "text")
COLUMNS = ("id", "ordered", "shipped", "country", "status", "text", "quantity", "price", "weight", "discount", "customer", "gift")


def typed(integer, real, date, time, string, boolean):
    kinds = {"ordered": date, "shipped": time, "gift": boolean, **{name: integer for name in INTEGERS}, **{name: real for name in FLOATS},
             **{name: string for name in STRINGS}}
    return {name: kinds[name] for name in COLUMNS}


def arrow_check(table):
    import pyarrow as pa
    import pyarrow.compute as pc
    found = {}
    for name in table.column_names:
        column = table.column(name)
        missing = column.null_count
        if name in STRINGS:
            total = pc.sum(pc.binary_length(column)).as_py()
        elif name == "ordered":
            total = pc.sum(column.cast(pa.int32()).cast(pa.int64())).as_py() * 86400
        elif name == "shipped":
            total = pc.sum(column.cast(pa.timestamp("s")).cast(pa.int64())).as_py()
        else:
            total = pc.sum(column.cast(pa.float64()) if name in FLOATS else column.cast(pa.int64())).as_py()
        found[name] = [missing, float(total)]
    return {"rows": table.num_rows, "columns": found}


def pandas_arrow(frame):
    """A pandas frame as an arrow table, floats that stand for integers turned back."""
    import pyarrow as pa
    columns = {}
    for name in COLUMNS:
        column = pa.array(frame[name], from_pandas=True)
        if name == "ordered":
            column = column.cast(pa.timestamp("s")).cast(pa.date32())
        columns[name] = column
    return pa.table(columns)


if LIBRARY == "polars":
    import polars as pl
    schema = typed(pl.Int64, pl.Float64, pl.Date, pl.Datetime("ms"), pl.String, pl.Boolean)

    def read(words):
        return pl.read_csv(PATH, schema=schema)

    def table_of(result):
        return result.to_arrow()
    versions = ("polars",)
elif LIBRARY == "duckdb":
    import duckdb
    types = typed("BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "VARCHAR", "BOOLEAN")
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())

    def read(words):
        connection = duckdb.connect(config={"threads": worker.os.environ.get("POLARS_MAX_THREADS", "2")})
        connection.execute(f"SET preserve_insertion_order = true; CREATE TABLE t AS SELECT * FROM read_csv(?, header = true, columns = {{{columns}}})", [PATH])
        return connection

    def table_of(result):
        arrow = result.sql("SELECT * FROM t").arrow()
        return arrow.read_all() if hasattr(arrow, "read_all") else arrow
    versions = ("duckdb",)
elif LIBRARY == "pyarrow":
    import pyarrow as pa
    import pyarrow.csv as csv
    types = typed(pa.int64(), pa.float64(), pa.date32(), pa.timestamp("s"), pa.string(), pa.bool_())
    pa.set_cpu_count(int(worker.os.environ.get("ARROW_NUM_THREADS", "2")))

    def read(words):
        return csv.read_csv(PATH, read_options=csv.ReadOptions(block_size=4 << 20), parse_options=csv.ParseOptions(newlines_in_values=True),
                            convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=True))

    def table_of(result):
        return result
    versions = ("pyarrow",)
elif LIBRARY == "pandas":  # its other engine, pyarrow's, does not take line ends inside quotes there; pyarrow itself is above
    import pandas as pd
    kinds = typed("Int64", "float64", None, None, "str", "bool")
    dtypes = {name: kind for name, kind in kinds.items() if kind}

    def read(words):
        return pd.read_csv(PATH, engine="c", dtype=dtypes, parse_dates=["ordered", "shipped"], date_format="ISO8601")

    def table_of(result):
        return pandas_arrow(result)
    versions = ("pandas", "pyarrow")
else:
    sys.exit(f"no library {LIBRARY}: polars, duckdb, pyarrow or pandas")

worker.serve(read, lambda result, words: arrow_check(table_of(result)) if "check" in words else {}, versions=versions, library=LIBRARY)
