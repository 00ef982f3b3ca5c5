package org.tablestore.flink.bridge;

import java.util.List;
import org.apache.flink.table.api.TableException;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.MapData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.RowType;

/** Columns of arrays, maps and rows, over buffers of their elements. */
final class NestedColumns {
    private NestedColumns() {}

    static final class Lists extends ColumnBuffer {
        private final Buffer offsets = new Buffer(1024);
        private final ColumnBuffer elements;
        private final Size size;

        Lists(ArrayType type, String column, Size size) {
            elements = ColumnBuffer.of(type.getElementType(), column, size);
            this.size = size;
            offsets.putInt(0);
        }

        @Override
        int width() {
            return 4;
        }

        @Override
        void put(RowData row, int position) {
            put(row.getArray(position));
        }

        @Override
        void put(ArrayData array, int position) {
            put(array.getArray(position));
        }

        private void put(ArrayData array) {
            int count = array.size();
            for (int index = 0; index < count; index++) {
                elements.add(array, index);
            }
            size.bytes += (long) count * elements.width();
            offsets.putInt(elements.rows());
        }

        @Override
        void putNull() {
            offsets.putInt(elements.rows());
        }

        @Override
        void collectValues(List<Buffer> buffers) {
            buffers.add(offsets);
            elements.collect(buffers);
        }

        @Override
        void clearValues() {
            offsets.clear();
            offsets.putInt(0);
            elements.clear();
        }
    }

    /** A list of entries, each a struct of key and value that is never null. */
    static final class Maps extends ColumnBuffer {
        private static final Buffer NO_NULLS = new Buffer(0);

        private final Buffer offsets = new Buffer(1024);
        private final ColumnBuffer keys;
        private final ColumnBuffer values;
        private final String column;
        private final Size size;

        Maps(MapType type, String column, Size size) {
            keys = ColumnBuffer.of(type.getKeyType(), column, size);
            values = ColumnBuffer.of(type.getValueType(), column, size);
            this.column = column;
            this.size = size;
            offsets.putInt(0);
        }

        @Override
        int width() {
            return 4;
        }

        @Override
        void put(RowData row, int position) {
            put(row.getMap(position));
        }

        @Override
        void put(ArrayData array, int position) {
            put(array.getMap(position));
        }

        private void put(MapData map) {
            ArrayData mapKeys = map.keyArray();
            ArrayData mapValues = map.valueArray();
            int count = map.size();
            for (int index = 0; index < count; index++) {
                if (mapKeys.isNullAt(index)) {
                    throw new TableException("Column '" + column + "' has a map with a null key, which a"
                            + " table cannot hold.");
                }
                keys.add(mapKeys, index);
                values.add(mapValues, index);
            }
            size.bytes += (long) count * (keys.width() + values.width());
            offsets.putInt(keys.rows());
        }

        @Override
        void putNull() {
            offsets.putInt(keys.rows());
        }

        @Override
        void collectValues(List<Buffer> buffers) {
            buffers.add(offsets);
            buffers.add(NO_NULLS);
            keys.collect(buffers);
            values.collect(buffers);
        }

        @Override
        void clearValues() {
            offsets.clear();
            offsets.putInt(0);
            keys.clear();
            values.clear();
        }
    }

    static final class Structs extends ColumnBuffer {
        private final ColumnBuffer[] fields;
        private final int width;

        Structs(RowType type, String column, Size size) {
            fields = type.getChildren().stream()
                    .map((LogicalType child) -> ColumnBuffer.of(child, column, size))
                    .toArray(ColumnBuffer[]::new);
            int sum = 0;
            for (ColumnBuffer field : fields) {
                sum += field.width();
            }
            width = sum;
        }

        @Override
        int width() {
            return width;
        }

        @Override
        void put(RowData row, int position) {
            put(row.getRow(position, fields.length));
        }

        @Override
        void put(ArrayData array, int position) {
            put(array.getRow(position, fields.length));
        }

        private void put(RowData struct) {
            for (int index = 0; index < fields.length; index++) {
                fields[index].add(struct, index);
            }
        }

        @Override
        void putNull() {
            for (ColumnBuffer field : fields) {
                field.addNull();
            }
        }

        @Override
        void collectValues(List<Buffer> buffers) {
            for (ColumnBuffer field : fields) {
                field.collect(buffers);
            }
        }

        @Override
        void clearValues() {
            for (ColumnBuffer field : fields) {
                field.clear();
            }
        }
    }
}
