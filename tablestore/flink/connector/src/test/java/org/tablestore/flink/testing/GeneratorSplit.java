package org.tablestore.flink.testing;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** One sequence of generated rows and the step that comes next. */
record GeneratorSplit(int number, long next) implements SourceSplit {
    @Override
    public String splitId() {
        return Integer.toString(number);
    }

    /** Twelve bytes: number, next step. */
    static final class Serializer implements SimpleVersionedSerializer<GeneratorSplit> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(GeneratorSplit split) {
            return ByteBuffer.allocate(12).putInt(split.number()).putLong(split.next()).array();
        }

        @Override
        public GeneratorSplit deserialize(int version, byte[] bytes) throws IOException {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            return new GeneratorSplit(buffer.getInt(), buffer.getLong());
        }
    }
}
