package org.tablestore.flink.sink;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** Parts on their way from writers to the aggregator, and inside committables. */
final class PartSerializer implements SimpleVersionedSerializer<Part> {
    static final int VERSION = 1;

    @Override
    public int getVersion() {
        return VERSION;
    }

    @Override
    public byte[] serialize(Part part) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeUTF(part.table());
        write(part.documents(), out);
        return bytes.toByteArray();
    }

    @Override
    public Part deserialize(int version, byte[] serialized) throws IOException {
        if (version != VERSION) {
            throw new IOException("A part of version " + version + " was written by another release of the connector.");
        }
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(serialized));
        Part part = new Part(in.readUTF(), read(in));
        checkEnd(in);
        return part;
    }

    static void write(List<byte[]> documents, DataOutputStream out) throws IOException {
        out.writeInt(documents.size());
        for (byte[] document : documents) {
            out.writeInt(document.length);
            out.write(document);
        }
    }

    static List<byte[]> read(DataInputStream in) throws IOException {
        int count = in.readInt();
        if (count < 0 || count > in.available() / 4) {
            throw new IOException("A committable in Flink's state is damaged: " + count + " parts.");
        }
        List<byte[]> documents = new ArrayList<>(count);
        for (int index = 0; index < count; index++) {
            int size = in.readInt();
            if (size < 0 || size > in.available()) {
                throw new IOException("A committable in Flink's state is damaged: a part of " + size + " bytes.");
            }
            documents.add(in.readNBytes(size));
        }
        return documents;
    }

    static void checkEnd(DataInputStream in) throws IOException {
        if (in.available() > 0) {
            throw new IOException("A committable in Flink's state is damaged: bytes are left over.");
        }
    }
}
