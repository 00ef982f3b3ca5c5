package org.tablestore.flink.lookup;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.table.types.logical.IntType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.tablestore.flink.TableDescription;
import org.tablestore.flink.bridge.Json;

/**
 * What a lookup join asks a table for.
 *
 * @param table the table
 * @param keys columns whose values are known, in the order of the join: the primary key and maybe more
 * @param rowType the columns that are wanted
 * @param filter what rows must fulfil besides, in the table's language; null: nothing
 * @param refreshMillis how old the snapshot may be that answers
 * @param retries how often a request is asked again after an error that may pass
 */
record LookupDescription(
        TableDescription table, List<String> keys, RowType rowType, String filter, long refreshMillis, int retries)
        implements Serializable {
    private static final long serialVersionUID = 1L;

    /** The rows that are sent: any value may be null, and then finds nothing. */
    RowType keyType() {
        LogicalType[] types =
                keys.stream().map(name -> typeOf(name).copy(true)).toArray(LogicalType[]::new);
        return RowType.of(types, keys.toArray(String[]::new));
    }

    /** The rows that come back: which key of the request a row answers, and the columns that are wanted. */
    RowType answerType() {
        List<RowType.RowField> fields = new ArrayList<>();
        fields.add(new RowType.RowField("_position", new IntType(false)));
        fields.addAll(rowType.getFields());
        return new RowType(false, fields);
    }

    /** What the worker is told when it is greeted (spec §16.11). */
    Map<String, String> hello() {
        return Map.of(
                "lookup-keys", Json.array(keys),
                "lookup-columns", Json.array(rowType.getFieldNames()),
                "lookup-filter", filter == null ? "" : filter,
                "refresh-millis", Long.toString(refreshMillis));
    }

    private LogicalType typeOf(String name) {
        return table.rowType().getTypeAt(table.rowType().getFieldIndex(name));
    }
}
