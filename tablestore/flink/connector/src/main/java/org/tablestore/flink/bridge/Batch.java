package org.tablestore.flink.bridge;

import java.util.Arrays;
import org.apache.flink.table.data.RowData;
import org.apache.flink.types.RowKind;
import org.tablestore.flink.bridge.PlainVectors.Vector;

/** Rows received from a worker, as views of the message they came in. Nothing is decoded before it is asked for. */
public final class Batch {
    private static final RowKind[] KINDS = {
        RowKind.INSERT, RowKind.UPDATE_BEFORE, RowKind.UPDATE_AFTER, RowKind.DELETE
    };

    private final int rows;
    private final byte[] payload;
    private final int kindsStart;
    private final Vector[] columns;
    private final BatchRow row;

    /** kindsStart: where the row kinds begin in the payload; -1 = all rows are inserts. */
    Batch(int rows, byte[] payload, int kindsStart, Vector[] columns) {
        this.rows = rows;
        this.payload = payload;
        this.kindsStart = kindsStart;
        this.columns = columns;
        row = new BatchRow(columns);
    }

    public int rows() {
        return rows;
    }

    /** The kind of a row. */
    public RowKind kind(int index) {
        return kindsStart < 0 ? RowKind.INSERT : KINDS[payload[kindsStart + index]];
    }

    /** A row with its kind; one object that the next call fills anew. */
    public RowData row(int index) {
        return row.moveTo(index, kind(index));
    }

    /** A row as an object of its own, which keeps the whole batch in memory. */
    public RowData ownRow(int index) {
        return new BatchRow(columns).moveTo(index, kind(index));
    }

    /** The same rows without their first columns. */
    public Batch withoutFirst(int count) {
        return new Batch(rows, payload, kindsStart, Arrays.copyOfRange(columns, count, columns.length));
    }
}
