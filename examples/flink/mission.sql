-- A table, its first rows, a query. Run it with `python examples/flink/run.py mission.sql`, or in Flink's SQL client with
-- another path. A streaming query goes on for ever and shows every change; the hint ends it at the newest snapshot.
SET 'parallelism.default' = '2';
SET 'sql-client.execution.result-mode' = 'tableau';
SET 'table.dml-sync' = 'true';

CREATE TABLE users (
    id STRING,
    name STRING,
    age INT,
    salary DOUBLE,
    department STRING,
    PRIMARY KEY (id) NOT ENFORCED
) WITH (
    'connector' = 'tablestore',
    'table-path' = '/tmp/tablestore/users',
    'primary-keys' = 'id',
    'partition-keys' = 'department',
    'num-buckets' = '4'
);

INSERT INTO users VALUES
    ('1', 'Alice', 30, 85000.0, 'Engineering'),
    ('2', 'Bob', 25, 65000.0, 'Marketing'),
    ('3', 'Carol', 41, 99000.0, 'Engineering');

SELECT * FROM users /*+ OPTIONS('scan.bounded' = 'true') */ WHERE department = 'Engineering';

-- Alice moves: one row is upserted, nothing is deleted by hand.
INSERT INTO users VALUES ('1', 'Alice', 30, 91000.0, 'Marketing');

-- Everything that happened since the table was made, snapshot by snapshot: she leaves one department, and arrives in the other.
SELECT * FROM users /*+ OPTIONS(
    'scan.bounded' = 'true', 'scan.startup.mode' = 'from-snapshot', 'scan.startup.snapshot' = '1') */;
