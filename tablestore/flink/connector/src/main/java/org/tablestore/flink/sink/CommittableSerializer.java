package org.tablestore.flink.sink;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** Committables in checkpoints and savepoints (spec §16.9). */
final class CommittableSerializer implements SimpleVersionedSerializer<Committable> {
    static final int VERSION = 1;

    @Override
    public int getVersion() {
        return VERSION;
    }

    @Override
    public byte[] serialize(Committable committable) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeUTF(committable.sinkId());
        out.writeLong(committable.checkpoint());
        PartSerializer.write(committable.documents(), out);
        return bytes.toByteArray();
    }

    @Override
    public Committable deserialize(int version, byte[] serialized) throws IOException {
        if (version != VERSION) {
            throw new IOException("The savepoint holds a committable of version " + version + ", this connector reads "
                    + VERSION + ": restore the job with the release that wrote it, or a later one.");
        }
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(serialized));
        Committable committable = new Committable(in.readUTF(), in.readLong(), PartSerializer.read(in));
        PartSerializer.checkEnd(in);
        return committable;
    }
}
