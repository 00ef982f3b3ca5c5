package org.tablestore.flink.bridge;

import java.util.List;
import org.apache.flink.table.data.columnar.vector.ColumnVector;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.BinaryType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.RowType;
import org.tablestore.flink.bridge.PlainVectors.Vector;

/** Reads batches of rows of one type (spec §16.5). All that a batch has to obey is checked here, once. */
public final class BatchReader {
    private final RowType rowType;
    private final int buffers;

    /** A reader of rows with these columns, in this order. */
    public BatchReader(RowType rowType) {
        this.rowType = rowType;
        buffers = 1 + rowType.getChildren().stream().mapToInt(BatchReader::buffers).sum();
    }

    /**
     * The rows of a payload, which the batch then owns.
     *
     * @throws WorkerException if the payload breaks a rule; by code as in spec §16.5
     */
    public Batch read(byte[] payload) throws WorkerException {
        BatchCursor cursor = new BatchCursor(payload, buffers);
        int rows = cursor.rows();
        int kinds = cursor.takeOptional(rows, "row kinds");
        if (kinds >= 0) {
            BatchChecks.kinds(payload, kinds, rows);
        }
        Vector[] vectors = new Vector[rowType.getFieldCount()];
        for (int index = 0; index < vectors.length; index++) {
            String name = rowType.getFieldNames().get(index);
            vectors[index] = vector(cursor, rowType.getTypeAt(index), rows, null, name);
        }
        return new Batch(rows, payload, kinds, vectors);
    }

    /** How many buffers a column of this type has. */
    private static int buffers(LogicalType type) {
        return switch (type.getTypeRoot()) {
            case CHAR, VARCHAR, VARBINARY -> 3;
            case ARRAY -> 2 + buffers(((ArrayType) type).getElementType());
            case MAP -> 3 + buffers(((MapType) type).getKeyType()) + buffers(((MapType) type).getValueType());
            case ROW -> 1 + type.getChildren().stream().mapToInt(BatchReader::buffers).sum();
            default -> 2;
        };
    }

    /** A column of {@code count} values. parent: the struct that it is a field of, or null. */
    private static Vector vector(BatchCursor cursor, LogicalType type, int count, Vector parent, String name)
            throws WorkerException {
        byte[] data = cursor.payload();
        int validity = cursor.takeOptional(bitmapSize(count), name);
        if (!type.isNullable()) {
            BatchChecks.required(new PlainVectors.Bytes(data, validity, 0), parent, count, name);
        }
        return switch (type.getTypeRoot()) {
            case ARRAY -> list(cursor, (ArrayType) type, count, validity, name);
            case MAP -> map(cursor, (MapType) type, count, validity, name);
            case ROW -> struct(cursor, (RowType) type, count, validity, name);
            case CHAR, VARCHAR, VARBINARY -> variable(cursor, type, count, validity, name);
            default -> plain(cursor, type, count, validity, name);
        };
    }

    private static Vector plain(BatchCursor cursor, LogicalType type, int count, int validity, String name)
            throws WorkerException {
        byte[] data = cursor.payload();
        Vector vector = switch (type.getTypeRoot()) {
            case BOOLEAN -> new PlainVectors.Booleans(data, validity, cursor.take(bitmapSize(count), name));
            case TINYINT -> new PlainVectors.Bytes(data, validity, cursor.take(count, name));
            case SMALLINT -> new PlainVectors.Shorts(data, validity, cursor.take(2L * count, name));
            case INTEGER, DATE, TIME_WITHOUT_TIME_ZONE ->
                    new PlainVectors.Ints(data, validity, cursor.take(4L * count, name));
            case BIGINT -> new PlainVectors.Longs(data, validity, cursor.take(8L * count, name));
            case FLOAT -> new PlainVectors.Floats(data, validity, cursor.take(4L * count, name));
            case DOUBLE -> new PlainVectors.Doubles(data, validity, cursor.take(8L * count, name));
            case DECIMAL -> new PlainVectors.Decimals(data, validity, cursor.take(16L * count, name));
            case BINARY -> {
                int length = ((BinaryType) type).getLength();
                yield new ByteVectors.Fixed(data, validity, cursor.take((long) length * count, name), length);
            }
            default -> new PlainVectors.Timestamps(
                    data, validity, cursor.take(8L * count, name), TypeMapping.unit(type));
        };
        BatchChecks.values(type, vector, count, name);
        return vector;
    }

    private static Vector variable(BatchCursor cursor, LogicalType type, int count, int validity, String name)
            throws WorkerException {
        int offsets = cursor.take(4L * count + 4, name);
        int size = BatchChecks.offsets(cursor.payload(), offsets, count, name);
        int bytes = cursor.take(size, name);
        Vector vector = new ByteVectors.Variable(cursor.payload(), validity, offsets, bytes, cursor.whole());
        boolean isText = type.getTypeRoot() != LogicalTypeRoot.VARBINARY;
        BatchChecks.bytes(vector, offsets, bytes, count, isText, name);
        return vector;
    }

    private static Vector list(BatchCursor cursor, ArrayType type, int count, int validity, String name)
            throws WorkerException {
        int offsets = cursor.take(4L * count + 4, name);
        int size = BatchChecks.offsets(cursor.payload(), offsets, count, name);
        Vector elements = vector(cursor, type.getElementType(), size, null, name + ".element");
        return new NestedVectors.Lists(cursor.payload(), validity, offsets, elements);
    }

    private static Vector map(BatchCursor cursor, MapType type, int count, int validity, String name)
            throws WorkerException {
        byte[] data = cursor.payload();
        int offsets = cursor.take(4L * count + 4, name);
        int size = BatchChecks.offsets(data, offsets, count, name);
        int entries = cursor.takeOptional(bitmapSize(size), name);
        BatchChecks.required(new PlainVectors.Bytes(data, entries, 0), null, size, name + " entry");
        Vector keys = vector(cursor, type.getKeyType().copy(false), size, null, name + ".key");
        Vector values = vector(cursor, type.getValueType(), size, null, name + ".value");
        return new NestedVectors.Maps(data, validity, offsets, keys, values);
    }

    private static Vector struct(BatchCursor cursor, RowType type, int count, int validity, String name)
            throws WorkerException {
        Vector self = new PlainVectors.Bytes(cursor.payload(), validity, 0);
        List<RowType.RowField> fields = type.getFields();
        ColumnVector[] children = new ColumnVector[fields.size()];
        for (int index = 0; index < children.length; index++) {
            RowType.RowField field = fields.get(index);
            children[index] = vector(cursor, field.getType(), count, self, name + "." + field.getName());
        }
        return new NestedVectors.Structs(cursor.payload(), validity, children);
    }

    private static long bitmapSize(int count) {
        return (count + 7L) >> 3;
    }
}
