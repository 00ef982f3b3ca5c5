package org.tablestore.flink.bridge;

import java.util.Arrays;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.columnar.ColumnarRowData;
import org.apache.flink.table.data.columnar.vector.ColumnVector;
import org.apache.flink.table.data.columnar.vector.VectorizedColumnBatch;
import org.apache.flink.types.RowKind;

/** Rows received from a worker, as views of the message they came in. Nothing is decoded before it is asked for. */
public final class Batch {
    private static final RowKind[] KINDS = {
        RowKind.INSERT, RowKind.UPDATE_BEFORE, RowKind.UPDATE_AFTER, RowKind.DELETE
    };

    private final int rows;
    private final byte[] payload;
    private final int kindsStart;
    private final VectorizedColumnBatch columns;
    private final ColumnarRowData row;

    /** kindsStart: where the row kinds begin in the payload; -1 = all rows are inserts. */
    Batch(int rows, byte[] payload, int kindsStart, ColumnVector[] vectors) {
        this.rows = rows;
        this.payload = payload;
        this.kindsStart = kindsStart;
        columns = new VectorizedColumnBatch(vectors);
        columns.setNumRows(rows);
        row = new ColumnarRowData(columns);
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
        row.setRowId(index);
        row.setRowKind(kind(index));
        return row;
    }

    /** A row as an object of its own, which keeps the whole batch in memory. */
    public RowData ownRow(int index) {
        ColumnarRowData own = new ColumnarRowData(columns, index);
        own.setRowKind(kind(index));
        return own;
    }

    /** The same rows without their first columns. */
    public Batch withoutFirst(int count) {
        ColumnVector[] vectors = Arrays.copyOfRange(columns.columns, count, columns.columns.length);
        return new Batch(rows, payload, kindsStart, vectors);
    }
}
