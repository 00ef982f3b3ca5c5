package org.tablestore.flink.bridge;

import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.MapData;
import org.apache.flink.table.data.columnar.ColumnarArrayData;
import org.apache.flink.table.data.columnar.ColumnarMapData;
import org.apache.flink.table.data.columnar.ColumnarRowData;
import org.apache.flink.table.data.columnar.vector.ArrayColumnVector;
import org.apache.flink.table.data.columnar.vector.ColumnVector;
import org.apache.flink.table.data.columnar.vector.MapColumnVector;
import org.apache.flink.table.data.columnar.vector.RowColumnVector;
import org.apache.flink.table.data.columnar.vector.VectorizedColumnBatch;

/** Views of columns of arrays, maps and rows. */
final class NestedVectors {
    private NestedVectors() {}

    static final class Lists extends PlainVectors.Vector implements ArrayColumnVector {
        private final ColumnVector elements;

        Lists(byte[] data, int validity, int offsets, ColumnVector elements) {
            super(data, validity, offsets);
            this.elements = elements;
        }

        @Override
        public ArrayData getArray(int index) {
            int first = PlainVectors.readInt(data, start + 4 * index);
            int end = PlainVectors.readInt(data, start + 4 * index + 4);
            return new ColumnarArrayData(elements, first, end - first);
        }
    }

    static final class Maps extends PlainVectors.Vector implements MapColumnVector {
        private final ColumnVector keys;
        private final ColumnVector values;

        Maps(byte[] data, int validity, int offsets, ColumnVector keys, ColumnVector values) {
            super(data, validity, offsets);
            this.keys = keys;
            this.values = values;
        }

        @Override
        public MapData getMap(int index) {
            int first = PlainVectors.readInt(data, start + 4 * index);
            int end = PlainVectors.readInt(data, start + 4 * index + 4);
            return new ColumnarMapData(keys, values, first, end - first);
        }
    }

    static final class Structs extends PlainVectors.Vector implements RowColumnVector {
        private final VectorizedColumnBatch fields;

        Structs(byte[] data, int validity, ColumnVector[] children) {
            super(data, validity, 0);
            fields = new VectorizedColumnBatch(children);
        }

        @Override
        public ColumnarRowData getRow(int index) {
            return new ColumnarRowData(fields, index);
        }
    }
}
