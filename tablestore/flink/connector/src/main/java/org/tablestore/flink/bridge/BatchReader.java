package org.tablestore.flink.bridge;

import java.util.List;
import org.apache.flink.table.data.columnar.vector.ColumnVector;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.BinaryType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.RowType;

/** Reads batches of rows of one type (spec §16.5). All lengths and offsets of a batch are checked here, once. */
public final class BatchReader {
    private final RowType rowType;

    /** A reader of rows with these columns, in this order. */
    public BatchReader(RowType rowType) {
        this.rowType = rowType;
    }

    /**
     * The rows of a payload, which the batch then owns.
     *
     * @throws WorkerException if the payload is damaged
     */
    public Batch read(byte[] payload) throws WorkerException {
        BatchCursor cursor = new BatchCursor(payload);
        int rows = cursor.rows();
        int kinds = cursor.take(rows, true, "row kinds");
        if (kinds >= 0) {
            checkKinds(payload, kinds, rows);
        }
        ColumnVector[] vectors = new ColumnVector[rowType.getFieldCount()];
        for (int index = 0; index < vectors.length; index++) {
            vectors[index] = vector(cursor, rowType.getTypeAt(index), rows, rowType.getFieldNames().get(index));
        }
        cursor.end();
        return new Batch(rows, payload, kinds, vectors);
    }

    private static void checkKinds(byte[] payload, int start, int rows) throws WorkerException {
        int all = 0;
        for (int index = start; index < start + rows; index++) {
            all |= payload[index];
        }
        if ((all & ~3) != 0) {
            throw BatchCursor.bad("a row kind is none of 0 … 3", "bad-value");
        }
    }

    private static ColumnVector vector(BatchCursor cursor, LogicalType type, int rows, String name)
            throws WorkerException {
        byte[] data = cursor.payload();
        int validity = cursor.take(bitmapSize(rows), true, "validity of '" + name + "'");
        return switch (type.getTypeRoot()) {
            case BOOLEAN -> new PlainVectors.Booleans(data, validity, cursor.take(bitmapSize(rows), false, name));
            case TINYINT -> new PlainVectors.Bytes(data, validity, cursor.take(rows, false, name));
            case SMALLINT -> new PlainVectors.Shorts(data, validity, cursor.take(2L * rows, false, name));
            case INTEGER, DATE, TIME_WITHOUT_TIME_ZONE ->
                    new PlainVectors.Ints(data, validity, cursor.take(4L * rows, false, name));
            case BIGINT -> new PlainVectors.Longs(data, validity, cursor.take(8L * rows, false, name));
            case FLOAT -> new PlainVectors.Floats(data, validity, cursor.take(4L * rows, false, name));
            case DOUBLE -> new PlainVectors.Doubles(data, validity, cursor.take(8L * rows, false, name));
            case DECIMAL -> new PlainVectors.Decimals(data, validity, cursor.take(16L * rows, false, name));
            case TIMESTAMP_WITHOUT_TIME_ZONE, TIMESTAMP_WITH_LOCAL_TIME_ZONE -> new PlainVectors.Timestamps(
                    data, validity, cursor.take(8L * rows, false, name), TypeMapping.unit(type));
            case BINARY -> {
                int length = ((BinaryType) type).getLength();
                int start = cursor.take((long) length * rows, false, name);
                yield new ByteVectors.Fixed(data, validity, start, length);
            }
            case CHAR, VARCHAR, VARBINARY -> {
                int offsets = cursor.take(4L * rows + 4, false, "offsets of '" + name + "'");
                int last = cursor.checkOffsets(offsets, rows, name);
                yield new ByteVectors.Variable(data, validity, offsets, cursor.take(last, false, name));
            }
            case ARRAY -> list(cursor, (ArrayType) type, rows, validity, name);
            case MAP -> map(cursor, (MapType) type, rows, validity, name);
            default -> struct(cursor, (RowType) type, rows, validity, name);
        };
    }

    private static ColumnVector list(BatchCursor cursor, ArrayType type, int rows, int validity, String name)
            throws WorkerException {
        int offsets = cursor.take(4L * rows + 4, false, "offsets of '" + name + "'");
        int last = cursor.checkOffsets(offsets, rows, name);
        ColumnVector elements = vector(cursor, type.getElementType(), last, name + ".element");
        return new NestedVectors.Lists(cursor.payload(), validity, offsets, elements);
    }

    private static ColumnVector map(BatchCursor cursor, MapType type, int rows, int validity, String name)
            throws WorkerException {
        int offsets = cursor.take(4L * rows + 4, false, "offsets of '" + name + "'");
        int last = cursor.checkOffsets(offsets, rows, name);
        if (cursor.take(bitmapSize(last), true, "validity of the entries of '" + name + "'") >= 0) {
            throw BatchCursor.bad("entries of the map '" + name + "' have nulls", "bad-batch");
        }
        ColumnVector keys = vector(cursor, type.getKeyType(), last, name + ".key");
        ColumnVector values = vector(cursor, type.getValueType(), last, name + ".value");
        return new NestedVectors.Maps(cursor.payload(), validity, offsets, keys, values);
    }

    private static ColumnVector struct(BatchCursor cursor, RowType type, int rows, int validity, String name)
            throws WorkerException {
        List<RowType.RowField> fields = type.getFields();
        ColumnVector[] children = new ColumnVector[fields.size()];
        for (int index = 0; index < children.length; index++) {
            RowType.RowField field = fields.get(index);
            children[index] = vector(cursor, field.getType(), rows, name + "." + field.getName());
        }
        return new NestedVectors.Structs(cursor.payload(), validity, children);
    }

    private static long bitmapSize(int rows) {
        return (rows + 7L) >> 3;
    }
}
