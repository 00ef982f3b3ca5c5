package org.tablestore.flink;

import java.io.Serializable;
import java.util.List;
import java.util.Map;
import org.apache.flink.table.types.logical.RowType;

/**
 * What a job knows of a table: enough for a Python worker to open it, to create it if it is not there, and to check it.
 *
 * @param name the table's name in Flink's catalog, for messages
 * @param path where the table is; absolute, or a URI
 * @param rowType the physical columns; those of the primary key are NOT NULL
 * @param primaryKey columns of the primary key, in its order
 * @param partitionKeys columns that rows are partitioned by; may be empty
 * @param buckets number of buckets, 1 … 65,536
 * @param tableOptions options of the table itself (spec §8.4) and those of writers and scans, by name
 * @param python the Python executable of the workers
 */
public record TableDescription(
        String name,
        String path,
        RowType rowType,
        List<String> primaryKey,
        List<String> partitionKeys,
        int buckets,
        Map<String, String> tableOptions,
        String python)
        implements Serializable {
    private static final long serialVersionUID = 1L;

    public TableDescription {
        primaryKey = List.copyOf(primaryKey);
        partitionKeys = List.copyOf(partitionKeys);
        tableOptions = Map.copyOf(tableOptions);
    }

    /** Where the columns of the primary key are in a row, in the key's order. */
    public int[] keyIndexes() {
        return primaryKey.stream().mapToInt(rowType::getFieldIndex).toArray();
    }
}
