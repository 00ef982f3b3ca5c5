package org.tablestore.flink.bridge;

import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;
import org.tablestore.flink.bridge.PlainVectors.Vector;

/** What a column of a batch has to obey, checked once so that its values can be taken as they are (spec §16.5). */
final class BatchChecks {
    private static final int VALUE_SIZE_MAX = 16 << 20; // spec §0.5
    private static final int MILLIS_OF_DAY = 86_400_000;
    private static final int ROW_KIND_MAX = 3;

    private BatchChecks() {}

    static void kinds(byte[] data, int start, int rows) throws WorkerException {
        int all = 0;
        for (int index = start; index < start + rows; index++) {
            all |= data[index];
        }
        if ((all & ~ROW_KIND_MAX) != 0) {
            throw BatchCursor.bad("bad-value", "a row kind above " + ROW_KIND_MAX);
        }
    }

    /**
     * No nulls where there may be none.
     *
     * @param parent the struct that the column is a field of: where it is null, so may the field be; or null
     */
    static void required(Vector column, Vector parent, int count, String name) throws WorkerException {
        if (!column.mayHaveNulls()) {
            return;
        }
        for (int index = 0; index < count; index++) {
            if (column.isNullAt(index) && (parent == null || !parent.isNullAt(index))) {
                throw BatchCursor.bad("null-in-required", "'" + name + "' is null in row " + index);
            }
        }
    }

    /** The last of {@code count + 1} offsets, which begin with zero and never fall. */
    static int offsets(byte[] data, int start, int count, String name) throws WorkerException {
        int before = PlainVectors.readInt(data, start);
        boolean wrong = before != 0;
        for (int index = 1; index <= count; index++) {
            int each = PlainVectors.readInt(data, start + 4 * index);
            wrong |= each < before;
            before = each;
        }
        if (wrong) {
            throw BatchCursor.bad("offset-out-of-range", "the offsets of '" + name + "' do not begin with 0"
                    + " and rise");
        }
        return before;
    }

    /** Values of fixed size that not all bit patterns of their type are. */
    static void values(LogicalType type, Vector column, int count, String name) throws WorkerException {
        if (type.getTypeRoot() == LogicalTypeRoot.TIME_WITHOUT_TIME_ZONE) {
            for (int index = 0; index < count; index++) {
                int millis = PlainVectors.readInt(column.data, column.start + 4 * index);
                if ((millis < 0 || millis >= MILLIS_OF_DAY) && !column.isNullAt(index)) {
                    throw BatchCursor.bad("bad-value", "'" + name + "' is no time of day in row " + index);
                }
            }
        } else if (type.getTypeRoot() == LogicalTypeRoot.DECIMAL) {
            Decimal128 limit = Decimal128.powerOfTen(LogicalTypeChecks.getPrecision(type));
            for (int index = 0; index < count; index++) {
                if (!limit.isAbove(column.data, column.start + 16 * index) && !column.isNullAt(index)) {
                    throw BatchCursor.bad("bad-value", "'" + name + "' has too many digits in row " + index);
                }
            }
        }
    }

    /** Sizes of values, and that texts are UTF-8. {@code bytes}: where the first value begins. */
    static void bytes(Vector column, int offsets, int bytes, int count, boolean isText, String name)
            throws WorkerException {
        byte[] data = column.data;
        int size = PlainVectors.readInt(data, offsets + 4 * count);
        boolean plain = !isText || Utf8.isAscii(data, bytes, bytes + size);
        if (plain && size <= VALUE_SIZE_MAX) {
            return;
        }
        for (int index = 0; index < count; index++) {
            int first = PlainVectors.readInt(data, offsets + 4 * index);
            int end = PlainVectors.readInt(data, offsets + 4 * index + 4);
            if (column.isNullAt(index)) {
                continue;
            }
            if (end - first > VALUE_SIZE_MAX) {
                throw BatchCursor.bad("limit-exceeded", "'" + name + "' has " + (end - first)
                        + " bytes in row " + index);
            }
            if (!plain && !Utf8.isValid(data, bytes + first, bytes + end)) {
                throw BatchCursor.bad("invalid-utf8", "'" + name + "' is not UTF-8 in row " + index);
            }
        }
    }
}
