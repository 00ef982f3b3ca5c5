package org.tablestore.flink.key;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.core.memory.MemorySegment;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.table.api.TableException;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.data.binary.BinaryStringData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;
import org.tablestore.flink.bridge.TimeUnits;

/**
 * The encoded primary key of a row (spec §3.2), and its hash and bucket (§3.4). One encoder belongs to one thread; it
 * keeps the bytes of the last key only.
 */
public final class KeyEncoder {
    private static final int SIZE_MAX = 65_536; // spec §0.5

    private final Column[] columns;
    private byte[] bytes = new byte[64];
    private int length;

    /** Writes one key column of a row at the end of the key. */
    private interface Column {
        void append(KeyEncoder key, RowData row);
    }

    /**
     * An encoder of the columns of {@code rowType} at {@code indexes}, in this order.
     *
     * @throws ValidationException if a column has a type that is not allowed in keys
     */
    public KeyEncoder(RowType rowType, int[] indexes) {
        List<Column> made = new ArrayList<>(indexes.length);
        for (int place = 0; place < indexes.length; place++) {
            boolean last = place == indexes.length - 1;
            String name = rowType.getFieldNames().get(indexes[place]);
            made.add(column(name, rowType.getTypeAt(indexes[place]), indexes[place], last));
        }
        columns = made.toArray(new Column[0]);
    }

    /**
     * Encodes the key of a row; {@link #bytes()} and {@link #length()} hold it until the next call.
     *
     * @throws SuppressRestartsException if a key column is null or the key is too long: the job cannot go on with it
     */
    public void encode(RowData row) {
        length = 0;
        try {
            for (Column column : columns) {
                column.append(this, row);
            }
            if (length > SIZE_MAX) {
                throw new TableException("A primary key of " + length + " bytes, at most " + SIZE_MAX
                        + " are possible.");
            }
        } catch (TableException refused) {
            throw new SuppressRestartsException(refused);
        }
    }

    /** The unsigned hash of the row's key. */
    public long hash(RowData row) {
        encode(row);
        return Hash64.of(bytes, 0, length);
    }

    /** The bucket of the row's key, in 0 … buckets − 1. */
    public int bucket(RowData row, int buckets) {
        return Buckets.of(hash(row), buckets);
    }

    /** The encoder's own bytes; only the first {@link #length()} of them belong to the key. */
    public byte[] bytes() {
        return bytes;
    }

    public int length() {
        return length;
    }

    /** A copy of the encoded key. */
    public byte[] copy() {
        return Arrays.copyOf(bytes, length);
    }

    /** Whether a type may be that of a key column: floats and nested types may not. */
    public static boolean isAllowed(LogicalType type) {
        return switch (type.getTypeRoot()) {
            case BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT, DECIMAL, CHAR, VARCHAR, BINARY, VARBINARY, DATE,
                    TIME_WITHOUT_TIME_ZONE, TIMESTAMP_WITHOUT_TIME_ZONE, TIMESTAMP_WITH_LOCAL_TIME_ZONE -> true;
            default -> false;
        };
    }

    private static Column column(String name, LogicalType type, int index, boolean last) {
        if (!isAllowed(type)) {
            throw new ValidationException("Column '" + name + "' of type " + type.asSummaryString()
                    + " cannot be part of the primary key: use integers, strings, binaries, decimals, dates"
                    + " or times.");
        }
        Column value = value(name, type, index, last);
        return (key, row) -> {
            if (row.isNullAt(index)) {
                throw new TableException("Primary key column '" + name + "' is null in a row; keys have no"
                        + " nulls. Leave such rows out (WHERE " + name + " IS NOT NULL), or give them a key.");
            }
            value.append(key, row);
        };
    }

    private static Column value(String name, LogicalType type, int index, boolean last) {
        return switch (type.getTypeRoot()) {
            case BOOLEAN -> (key, row) -> key.put(row.getBoolean(index) ? 1 : 0, 1);
            case TINYINT -> (key, row) -> key.put(row.getByte(index) ^ 0x80, 1);
            case SMALLINT -> (key, row) -> key.put(row.getShort(index) ^ 0x8000, 2);
            case INTEGER, DATE, TIME_WITHOUT_TIME_ZONE -> (key, row) -> key.put(row.getInt(index) ^ 0x80000000, 4);
            case BIGINT -> (key, row) -> key.put(row.getLong(index) ^ Long.MIN_VALUE, 8);
            case DECIMAL -> decimal(type, index);
            case TIMESTAMP_WITHOUT_TIME_ZONE, TIMESTAMP_WITH_LOCAL_TIME_ZONE -> timestamp(name, type, index);
            case CHAR, VARCHAR -> last
                    ? (key, row) -> key.put(row.getString(index))
                    : (key, row) -> key.putEscaped(row.getString(index));
            case VARBINARY -> last
                    ? (key, row) -> key.put(row.getBinary(index))
                    : (key, row) -> {
                        int start = key.length;
                        key.put(row.getBinary(index));
                        key.escape(start);
                    };
            default -> (key, row) -> key.put(row.getBinary(index)); // BINARY(n): every value has n bytes
        };
    }

    private static Column decimal(LogicalType type, int index) {
        int precision = LogicalTypeChecks.getPrecision(type);
        int scale = LogicalTypeChecks.getScale(type);
        return (key, row) -> {
            DecimalData value = row.getDecimal(index, precision, scale);
            byte[] unscaled = value.toUnscaledBytes(); // big-endian, as short as can be
            int sign = unscaled[0] < 0 ? 0xFF : 0;
            key.reserve(16);
            Arrays.fill(key.bytes, key.length, key.length + 16 - unscaled.length, (byte) sign);
            System.arraycopy(unscaled, 0, key.bytes, key.length + 16 - unscaled.length, unscaled.length);
            key.bytes[key.length] ^= (byte) 0x80;
            key.length += 16;
        };
    }

    private static Column timestamp(String name, LogicalType type, int index) {
        int precision = LogicalTypeChecks.getPrecision(type);
        TimeUnits unit = TimeUnits.of(precision);
        return (key, row) -> {
            TimestampData value = row.getTimestamp(index, precision);
            key.put(unit.toLong(value, name) ^ Long.MIN_VALUE, 8);
        };
    }

    private void put(long value, int size) {
        reserve(size);
        for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) {
            bytes[length++] = (byte) (value >>> shift);
        }
    }

    private void put(byte[] value) {
        reserve(value.length);
        System.arraycopy(value, 0, bytes, length, value.length);
        length += value.length;
    }

    /** Copies the bytes of a text in Flink's own form straight from where they are. */
    private void put(StringData value) {
        if (value instanceof BinaryStringData text) {
            text.ensureMaterialized();
            MemorySegment[] segments = text.getSegments();
            if (segments.length == 1) {
                int size = text.getSizeInBytes();
                reserve(size);
                segments[0].get(text.getOffset(), bytes, length, size);
                length += size;
                return;
            }
        }
        put(value.toBytes());
    }

    private void putEscaped(StringData value) {
        int start = length;
        put(value);
        escape(start);
    }

    /** Escapes and terminates what was put since {@code start}: from its end on, so that it moves only once. */
    private void escape(int start) {
        int escapes = 0;
        for (int index = start; index < length; index++) {
            escapes += (bytes[index] & 0xFE) == 0 ? 1 : 0;
        }
        reserve(escapes + 1);
        int end = length + escapes;
        int to = end;
        for (int from = length - 1; to > from + 1; from--) {
            byte each = bytes[from];
            bytes[--to] = each;
            if ((each & 0xFE) == 0) {
                bytes[--to] = 1;
            }
        }
        length = end;
        bytes[length++] = 0;
    }

    private void reserve(int more) {
        if (bytes.length - length < more) {
            bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, length + more));
        }
    }
}
