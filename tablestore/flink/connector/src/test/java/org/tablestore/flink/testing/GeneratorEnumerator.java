package org.tablestore.flink.testing;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** Hands a split to the reader whose number is congruent to the split's; keeps those not yet handed out. */
final class GeneratorEnumerator implements SplitEnumerator<GeneratorSplit, List<GeneratorSplit>> {
    private final SplitEnumeratorContext<GeneratorSplit> context;
    private final List<GeneratorSplit> waiting;

    GeneratorEnumerator(SplitEnumeratorContext<GeneratorSplit> context, List<GeneratorSplit> waiting) {
        this.context = context;
        this.waiting = new ArrayList<>(waiting);
    }

    static List<GeneratorSplit> all(int splits) {
        List<GeneratorSplit> found = new ArrayList<>();
        for (int number = 0; number < splits; number++) {
            found.add(new GeneratorSplit(number, 0));
        }
        return found;
    }

    @Override
    public void start() {}

    @Override
    public void handleSplitRequest(int subtask, String host) {}

    @Override
    public void addReader(int subtask) {
        Iterator<GeneratorSplit> splits = waiting.iterator();
        while (splits.hasNext()) {
            GeneratorSplit split = splits.next();
            if (split.number() % context.currentParallelism() == subtask) {
                context.assignSplit(split, subtask);
                splits.remove();
            }
        }
        context.signalNoMoreSplits(subtask);
    }

    @Override
    public void addSplitsBack(List<GeneratorSplit> splits, int subtask) {
        waiting.addAll(splits);
        if (context.registeredReaders().containsKey(subtask)) {
            addReader(subtask);
        }
    }

    @Override
    public List<GeneratorSplit> snapshotState(long checkpoint) {
        return List.copyOf(waiting);
    }

    @Override
    public void close() {}

    /** Twelve bytes for each waiting split. */
    static final class Serializer implements SimpleVersionedSerializer<List<GeneratorSplit>> {
        private static final int BYTES = 12;

        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(List<GeneratorSplit> splits) {
            ByteBuffer buffer = ByteBuffer.allocate(BYTES * splits.size());
            splits.forEach(split -> buffer.putInt(split.number()).putLong(split.next()));
            return buffer.array();
        }

        @Override
        public List<GeneratorSplit> deserialize(int version, byte[] bytes) {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            List<GeneratorSplit> splits = new ArrayList<>();
            while (buffer.hasRemaining()) {
                splits.add(new GeneratorSplit(buffer.getInt(), buffer.getLong()));
            }
            return splits;
        }
    }
}
