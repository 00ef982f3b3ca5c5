package org.tablestore.flink.bridge;

import org.apache.flink.core.memory.MemorySegment;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.binary.BinaryStringData;
import org.apache.flink.table.data.columnar.vector.BytesColumnVector;

/** Views of columns of texts and bytes, whose values stay where they are in the message. */
final class ByteVectors {
    private ByteVectors() {}

    static final class Variable extends PlainVectors.Vector implements BytesColumnVector {
        private final int offsets;
        private final MemorySegment[] whole;

        /** whole: one segment over all of {@code data}. */
        Variable(byte[] data, int validity, int offsets, int start, MemorySegment[] whole) {
            super(data, validity, start);
            this.offsets = offsets;
            this.whole = whole;
        }

        StringData getString(int index) {
            int first = PlainVectors.readInt(data, offsets + 4 * index);
            int end = PlainVectors.readInt(data, offsets + 4 * index + 4);
            return BinaryStringData.fromAddress(whole, start + first, end - first);
        }

        @Override
        public Bytes getBytes(int index) {
            int first = PlainVectors.readInt(data, offsets + 4 * index);
            int end = PlainVectors.readInt(data, offsets + 4 * index + 4);
            return new Bytes(data, start + first, end - first);
        }
    }

    static final class Fixed extends PlainVectors.Vector implements BytesColumnVector {
        private final int length;

        Fixed(byte[] data, int validity, int start, int length) {
            super(data, validity, start);
            this.length = length;
        }

        @Override
        public Bytes getBytes(int index) {
            return new Bytes(data, start + length * index, length);
        }
    }
}
