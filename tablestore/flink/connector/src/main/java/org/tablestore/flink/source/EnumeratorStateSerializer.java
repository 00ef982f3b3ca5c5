package org.tablestore.flink.source;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.tablestore.flink.key.Buckets;

/** The enumerator's state in checkpoints (spec §16.10). */
final class EnumeratorStateSerializer implements SimpleVersionedSerializer<EnumeratorState> {
    static final int VERSION = 1;

    @Override
    public int getVersion() {
        return VERSION;
    }

    @Override
    public byte[] serialize(EnumeratorState state) throws IOException {
        DataOutputSerializer out = new DataOutputSerializer(256);
        out.writeUTF(state.consumer());
        out.writeBoolean(state.started());
        out.writeInt(state.positions().size());
        for (Map.Entry<Integer, Position> each : new TreeMap<>(state.positions()).entrySet()) {
            out.writeInt(each.getKey());
            BucketSplitSerializer.write(each.getValue(), out);
        }
        out.writeInt(state.waiting().size());
        for (BucketSplit split : state.waiting()) {
            BucketSplitSerializer.write(split, out);
        }
        return out.getCopyOfBuffer();
    }

    @Override
    public EnumeratorState deserialize(int version, byte[] data) throws IOException {
        BucketSplitSerializer.checkVersion(version, VERSION);
        DataInputDeserializer in = new DataInputDeserializer(data);
        String consumer = in.readUTF();
        boolean started = in.readBoolean();
        Map<Integer, Position> positions = new TreeMap<>();
        for (int left = count(in); left > 0; left--) {
            positions.put(in.readInt(), BucketSplitSerializer.readPosition(in));
        }
        List<BucketSplit> waiting = new ArrayList<>();
        for (int left = count(in); left > 0; left--) {
            waiting.add(BucketSplitSerializer.read(in));
        }
        BucketSplitSerializer.checkEnd(in);
        return new EnumeratorState(consumer, started, positions, waiting);
    }

    private static int count(DataInputDeserializer in) throws IOException {
        int count = in.readInt();
        if (count < 0 || count > Buckets.MAX) {
            throw new IOException("State of a TableStore source is damaged: it has " + count + " buckets.");
        }
        return count;
    }
}
