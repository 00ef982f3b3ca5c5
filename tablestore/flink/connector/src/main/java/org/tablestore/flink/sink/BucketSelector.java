package org.tablestore.flink.sink;

import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.table.data.RowData;
import org.tablestore.flink.TableDescription;
import org.tablestore.flink.key.KeyEncoder;

/** The bucket of a row (spec §3.4). */
final class BucketSelector implements KeySelector<RowData, Integer> {
    private static final long serialVersionUID = 1L;

    private final TableDescription table;
    private transient KeyEncoder encoder;

    BucketSelector(TableDescription table) {
        this.table = table;
    }

    @Override
    public Integer getKey(RowData row) {
        if (encoder == null) {
            encoder = new KeyEncoder(table.rowType(), table.keyIndexes());
        }
        return encoder.bucket(row, table.buckets());
    }
}
