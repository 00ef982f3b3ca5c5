"""A first table in forty lines: `python examples/employees.py [directory]`, with tablestore installed."""

import sys
import tempfile

import pyarrow as pa

import tablestore as ts

path = sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp() + "/employees"
schema = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("department", pa.string()),
        pa.field("age", pa.int32()),
    ]
)
table = ts.create_table(path, schema, primary_key=["id"], partition_by=["department"], buckets=4)

hired = table.upsert(
    [
        {"id": 1, "name": "Ada", "department": "engines", "age": 36},
        {"id": 2, "name": "Grace", "department": "compilers", "age": 45},
        {"id": 3, "name": "Edsger", "department": "proofs", "age": 72},
    ]
)
table.upsert([{"id": 2, "name": "Grace", "department": "engines", "age": 46}])  # moves to another partition
table.delete(where="age > 70")

print(table.scan(columns=["id", "name"], filter="department = 'engines'").to_arrow().to_pydict())
print(table.get(2))
print(
    table.at(version=hired.version).scan().count(), "rows when they were hired,", table.scan().count(), "now"
)
table.compact(full=True)
