package org.tablestore.flink.bridge;

import java.util.List;
import org.apache.flink.core.memory.MemorySegment;
import org.apache.flink.table.api.TableException;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.binary.BinaryStringData;

/** Columns of texts and bytes. */
final class VariableColumns {
    private VariableColumns() {}

    private abstract static class Variable extends ColumnBuffer {
        private final Buffer offsets = new Buffer(1024);
        private final Buffer bytes = new Buffer(4096);
        private final Size size;

        Variable(Size size) {
            this.size = size;
            offsets.putInt(0);
        }

        @Override
        final int width() {
            return 4;
        }

        final void put(byte[] value) {
            bytes.put(value, 0, value.length);
            end(value.length);
        }

        final void put(MemorySegment segment, int start, int length) {
            bytes.put(segment, start, length);
            end(length);
        }

        @Override
        final void putNull() {
            end(0);
        }

        private void end(int length) {
            size.bytes += length;
            offsets.putInt(bytes.size());
        }

        @Override
        final void collectValues(List<Buffer> buffers) {
            buffers.add(offsets);
            buffers.add(bytes);
        }

        @Override
        final void clearValues() {
            bytes.clear();
            offsets.clear();
            offsets.putInt(0);
        }
    }

    static final class Strings extends Variable {
        Strings(Size size) {
            super(size);
        }

        @Override
        void put(RowData row, int position) {
            put(row.getString(position));
        }

        @Override
        void put(ArrayData array, int position) {
            put(array.getString(position));
        }

        /** Copies the bytes of texts in Flink's own form straight from where they are. */
        private void put(StringData value) {
            if (value instanceof BinaryStringData text) {
                text.ensureMaterialized();
                MemorySegment[] segments = text.getSegments();
                if (segments.length == 1) {
                    put(segments[0], text.getOffset(), text.getSizeInBytes());
                    return;
                }
            }
            put(value.toBytes());
        }
    }

    static final class Binaries extends Variable {
        Binaries(Size size) {
            super(size);
        }

        @Override
        void put(RowData row, int position) {
            put(row.getBinary(position));
        }

        @Override
        void put(ArrayData array, int position) {
            put(array.getBinary(position));
        }
    }

    /** {@code BINARY(n)}: Flink does not hold values to their length unless it is told to, the table does. */
    static final class FixedBinaries extends ColumnBuffer {
        private final Buffer values = new Buffer(1024);
        private final int length;
        private final String column;

        FixedBinaries(int length, String column) {
            this.length = length;
            this.column = column;
        }

        @Override
        int width() {
            return length;
        }

        @Override
        void put(RowData row, int position) {
            put(row.getBinary(position));
        }

        @Override
        void put(ArrayData array, int position) {
            put(array.getBinary(position));
        }

        private void put(byte[] value) {
            if (value.length != length) {
                throw new TableException("Column '" + column + "' of type BINARY(" + length + ") got a value of "
                        + value.length + " bytes. SET 'table.exec.sink.type-length-enforcer' = 'TRIM_PAD',"
                        + " or declare it"
                        + " as BYTES.");
            }
            values.put(value, 0, length);
        }

        @Override
        void putNull() {
            values.fill(0, length);
        }

        @Override
        void collectValues(List<Buffer> buffers) {
            buffers.add(values);
        }

        @Override
        void clearValues() {
            values.clear();
        }
    }
}
