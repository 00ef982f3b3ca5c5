package org.tablestore.flink.bridge;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.table.api.TableException;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.RowKind;

/**
 * Collects rows in Arrow's memory layout, to be sent by {@link Worker#send} (spec §16.5). Values are copied out of each
 * row at once, so rows may be reused. The memory stays with the writer when it is cleared: about the size of a batch.
 */
public final class BatchWriter {
    private static final int ROWS_MAX = 65_536;
    private static final long BYTES_FULL = 4 << 20;

    private final ColumnBuffer[] columns;
    private final ColumnBuffer.Size size = new ColumnBuffer.Size();
    private final Buffer kinds = new Buffer(1024);
    private final int width;
    private boolean onlyInserts = true;
    private int rows;

    /** A writer of rows of this type; nested types and all columns are as {@link TypeMapping} has them. */
    public BatchWriter(RowType rowType) {
        columns = new ColumnBuffer[rowType.getFieldCount()];
        int sum = 1;
        for (int index = 0; index < columns.length; index++) {
            columns[index] = ColumnBuffer.of(rowType.getTypeAt(index), rowType.getFieldNames().get(index), size);
            sum += columns[index].width();
        }
        width = sum;
    }

    /**
     * Adds a row with its own kind.
     *
     * @throws SuppressRestartsException if a table cannot hold a value: the job cannot go on with it; names the column.
     *     The batch is of no more use.
     */
    public void add(RowData row) {
        add(row, row.getRowKind());
    }

    /** Adds a row as one of this kind. */
    public void add(RowData row, RowKind kind) {
        onlyInserts &= kind == RowKind.INSERT;
        kinds.putByte(kind.toByteValue());
        rows++;
        try {
            for (int index = 0; index < columns.length; index++) {
                columns[index].add(row, index);
            }
        } catch (TableException refused) {
            throw new SuppressRestartsException(refused);
        }
    }

    public int rows() {
        return rows;
    }

    public boolean isEmpty() {
        return rows == 0;
    }

    /** Bytes of the rows, about. */
    public long bytes() {
        return size.bytes + (long) rows * width;
    }

    /** Whether it is time to send: 65,536 rows or 4 MiB. */
    public boolean isFull() {
        return rows >= ROWS_MAX || bytes() >= BYTES_FULL;
    }

    /** Forgets all rows. */
    public void clear() {
        for (ColumnBuffer column : columns) {
            column.clear();
        }
        kinds.clear();
        size.bytes = 0;
        onlyInserts = true;
        rows = 0;
    }

    /** Sends the rows as one message. */
    void send(Connection connection) throws IOException, InterruptedException {
        List<Buffer> buffers = buffers();
        long total = 8 + 8L * buffers.size();
        for (Buffer buffer : buffers) {
            total = ((total + 7) & ~7) + buffer.size();
        }
        if (total > Buffer.SIZE_MAX) {
            throw new TableException("A batch of " + rows + " rows has " + total + " bytes, more than the "
                    + Buffer.SIZE_MAX + " that can be sent to the Python worker: rows are too large.");
        }
        connection.begin(Connection.BATCH, (int) total);
        connection.putInt(rows);
        connection.putInt(buffers.size());
        for (Buffer buffer : buffers) {
            connection.putLong(buffer.size());
        }
        int unaligned = 0;
        for (Buffer buffer : buffers) {
            connection.pad(unaligned);
            connection.put(buffer.data(), 0, buffer.size());
            unaligned = buffer.size();
        }
        connection.flush();
    }

    private List<Buffer> buffers() {
        List<Buffer> buffers = new ArrayList<>(4 * columns.length + 1);
        buffers.add(onlyInserts ? new Buffer(0) : kinds);
        for (ColumnBuffer column : columns) {
            column.collect(buffers);
        }
        return buffers;
    }
}
