package org.tablestore.flink.source;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;

/** Splits in checkpoints and on their way to readers (spec §16.10). */
final class BucketSplitSerializer implements SimpleVersionedSerializer<BucketSplit> {
    static final int VERSION = 1;

    @Override
    public int getVersion() {
        return VERSION;
    }

    @Override
    public byte[] serialize(BucketSplit split) throws IOException {
        DataOutputSerializer out = new DataOutputSerializer(128);
        write(split, out);
        return out.getCopyOfBuffer();
    }

    @Override
    public BucketSplit deserialize(int version, byte[] data) throws IOException {
        checkVersion(version, VERSION);
        DataInputDeserializer in = new DataInputDeserializer(data);
        BucketSplit split = read(in);
        checkEnd(in);
        return split;
    }

    static void write(BucketSplit split, DataOutputSerializer out) throws IOException {
        out.writeInt(split.bucket());
        write(split.position(), out);
        out.writeLong(split.end());
        out.writeUTF(split.consumer());
        byte[] query = split.query().getBytes(UTF_8);
        out.writeInt(query.length);
        out.write(query);
    }

    static BucketSplit read(DataInputDeserializer in) throws IOException {
        int bucket = in.readInt();
        Position position = readPosition(in);
        long end = in.readLong();
        String consumer = in.readUTF();
        int length = in.readInt();
        if (length < 0 || length > in.available()) {
            throw new IOException("A split in a checkpoint is damaged: its query has " + length + " bytes.");
        }
        byte[] query = new byte[length];
        in.readFully(query);
        return new BucketSplit(
                bucket, position, end, consumer, new String(query, UTF_8));
    }

    static void write(Position position, DataOutputSerializer out) throws IOException {
        out.writeLong(position.next());
        out.writeLong(position.rows());
        out.writeBoolean(position.state());
    }

    static Position readPosition(DataInputDeserializer in) throws IOException {
        return new Position(in.readLong(), in.readLong(), in.readBoolean());
    }

    static void checkVersion(int version, int known) throws IOException {
        if (version != known) {
            throw new IOException("State of a TableStore source has version " + version + ", this connector knows "
                    + known + ": use the connector that wrote it, or a newer one.");
        }
    }

    static void checkEnd(DataInputDeserializer in) throws IOException {
        if (in.available() > 0) {
            throw new IOException("State of a TableStore source is damaged: " + in.available()
                    + " bytes are left over.");
        }
    }
}
