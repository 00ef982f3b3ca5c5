-- A pipeline that goes on for ever: orders that change → a table → what was sold in each city, kept up to date.
-- `python examples/flink/run.py pipeline.sql` runs it, watches both tables from Python, and ends it when it has caught up.
SET 'parallelism.default' = '2';
SET 'execution.checkpointing.interval' = '1 s';

CREATE TEMPORARY TABLE order_events (
    id BIGINT,
    city INT,
    amount INT
) WITH (
    'connector' = 'datagen',
    'number-of-rows' = '60000',
    'rows-per-second' = '10000',
    'fields.id.min' = '1',
    'fields.id.max' = '20000',
    'fields.city.min' = '1',
    'fields.city.max' = '12',
    'fields.amount.min' = '1',
    'fields.amount.max' = '500'
);

-- The same order comes again and again, in another city, too: the last one counts.
CREATE TABLE orders (
    id BIGINT,
    city INT,
    amount INT,
    PRIMARY KEY (id) NOT ENFORCED
) WITH (
    'connector' = 'tablestore',
    'table-path' = '/tmp/tablestore/orders',
    'partition-keys' = 'city',
    'num-buckets' = '2'
);

CREATE TABLE sales (
    city INT,
    orders BIGINT,
    amount BIGINT,
    PRIMARY KEY (city) NOT ENFORCED
) WITH (
    'connector' = 'tablestore',
    'table-path' = '/tmp/tablestore/sales',
    'num-buckets' = '2'
);

EXECUTE STATEMENT SET BEGIN
INSERT INTO orders SELECT * FROM order_events;
INSERT INTO sales SELECT city, COUNT(*), SUM(CAST(amount AS BIGINT)) FROM orders GROUP BY city;
END;
