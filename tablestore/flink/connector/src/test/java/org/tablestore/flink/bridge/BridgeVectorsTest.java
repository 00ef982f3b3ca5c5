package org.tablestore.flink.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.RowDataSerializer;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.RowKind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tablestore.flink.vectors.SpecTypes;
import org.tablestore.flink.vectors.SpecValues;
import org.tablestore.flink.vectors.Vectors;
import org.tablestore.flink.vectors.Vectors.Vector;

/** Messages, maps and batches against the vectors of spec chapter 16. */
class BridgeVectorsTest {
    private static final List<String> KINDS =
            List.of("", "HELLO", "READY", "REQUEST", "RESPONSE", "BATCH", "ERROR");

    static List<Vector> messages() {
        // a stream has no end of a message, so that nothing can be behind it
        return Vectors.of("flink", "read_message").stream()
                .filter(vector -> !vector.error().equals("trailing-bytes"))
                .toList();
    }

    static List<Vector> maps() {
        return Vectors.of("flink", "read_map");
    }

    static List<Vector> writtenMaps() {
        return Vectors.of("flink", "write_map");
    }

    static List<Vector> batches() {
        return Vectors.of("flink", "read_batch").stream().filter(vector -> type(vector).isPresent()).toList();
    }

    static List<Vector> writtenBatches() {
        return Vectors.of("flink", "write_batch").stream().filter(vector -> type(vector).isPresent()).toList();
    }

    private static Optional<RowType> type(Vector vector) {
        return SpecTypes.row(vector.input().get("columns"));
    }

    @ParameterizedTest
    @MethodSource("messages")
    void readMessage(Vector vector) throws Exception {
        try (SocketPair pair = new SocketPair();
                Connection connection = new Connection(pair.ours())) {
            pair.theirs().write(ByteBuffer.wrap(vector.data()));
            pair.theirs().shutdownOutput();
            if (vector.error().equals("truncated")) {
                assertThrows(Connection.EndException.class, connection::receive);
            } else if (!vector.error().isEmpty()) {
                WorkerException error = assertThrows(WorkerException.class, connection::receive);
                assertEquals(vector.error(), error.code());
            } else {
                Connection.Message message = connection.receive();
                assertEquals(vector.output().get(0).asText(), KINDS.get(message.kind()));
                assertEquals(vector.output().get(1).asText(), HexFormat.of().formatHex(message.payload()));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("maps")
    void readMap(Vector vector) throws IOException {
        if (!vector.error().isEmpty()) {
            WorkerException error = assertThrows(WorkerException.class, () -> Values.decode(vector.data()));
            assertEquals(vector.error(), error.code());
            return;
        }
        Values values = Values.decode(vector.data());
        List<String> entries = new ArrayList<>();
        for (String name : values.names()) {
            entries.add("[" + name + ", " + HexFormat.of().formatHex(values.bytes(name)) + "]");
        }
        assertEquals(SpecValues.show(vector.output()), entries.toString());
    }

    @ParameterizedTest
    @MethodSource("writtenMaps")
    void writeMap(Vector vector) {
        Values values = Values.of();
        for (JsonNode entry : vector.input().get("entries")) {
            values.put(entry.get(0).asText(), HexFormat.of().parseHex(entry.get(1).asText()));
        }
        assertEquals(vector.output().asText(), HexFormat.of().formatHex(values.encode()));
    }

    @ParameterizedTest
    @MethodSource("batches")
    void readBatch(Vector vector) throws IOException {
        RowType type = type(vector).orElseThrow();
        BatchReader reader = new BatchReader(type);
        if (!vector.error().isEmpty()) {
            WorkerException error = assertThrows(WorkerException.class, () -> reader.read(vector.data()));
            assertEquals(vector.error(), error.code(), error.getMessage());
            return;
        }
        Batch batch = reader.read(vector.data());
        List<Integer> kinds = new ArrayList<>();
        List<String> rows = new ArrayList<>();
        for (int index = 0; index < batch.rows(); index++) {
            kinds.add((int) batch.row(index).getRowKind().toByteValue());
            rows.add(SpecValues.show(type, batch.row(index)));
            assertEquals(rows.get(index), SpecValues.show(type, batch.ownRow(index)));
        }
        assertEquals(SpecValues.show(vector.output().get("kinds")), kinds.toString());
        assertEquals(SpecValues.show(vector.output().get("rows")), rows.toString());
    }

    @ParameterizedTest
    @MethodSource("writtenBatches")
    void writeBatch(Vector vector) throws Exception {
        RowType type = type(vector).orElseThrow();
        BatchWriter writer = new BatchWriter(type);
        RowDataSerializer serializer = new RowDataSerializer(type);
        for (boolean binary : new boolean[] {false, true, false}) {
            writer.clear();
            JsonNode rows = vector.input().get("rows");
            for (int index = 0; index < rows.size(); index++) {
                RowData row = SpecValues.row(type, rows.get(index));
                RowKind kind = RowKind.fromByteValue((byte) vector.input().get("kinds").get(index).asInt());
                writer.add(binary ? serializer.toBinaryRow(row) : row, kind);
            }
            assertEquals(vector.output().asText(), HexFormat.of().formatHex(sent(writer)), "binary rows: " + binary);
        }
    }

    @Test
    void onlyTypesThatSqlLacksAreLeftOut() {
        for (String operation : List.of("read_batch", "write_batch")) {
            for (Vector vector : Vectors.of("flink", operation)) {
                List<String> types = new ArrayList<>();
                vector.input().get("columns").forEach(column -> types.add(column.get("type").toString()));
                assertEquals(type(vector).isEmpty(), types.stream().anyMatch(SpecTypes::isForeign), vector::name);
            }
        }
    }

    /** The payload of the batch as it goes over the socket. */
    private static byte[] sent(BatchWriter writer) throws Exception {
        try (SocketPair pair = new SocketPair();
                Connection ours = new Connection(pair.ours());
                Connection theirs = new Connection(pair.theirs())) {
            writer.send(ours);
            Connection.Message message = theirs.receive();
            assertEquals(Connection.BATCH, message.kind());
            return message.payload();
        }
    }
}
