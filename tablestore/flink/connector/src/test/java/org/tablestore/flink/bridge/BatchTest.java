package org.tablestore.flink.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.flink.table.api.TableException;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.runtime.typeutils.RowDataSerializer;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.VarCharType;
import org.apache.flink.types.RowKind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tablestore.flink.vectors.SpecValues;

/** Batches of random rows there and back, and what comes of damaged ones. */
@Timeout(60)
class BatchTest {
    private static final RowKind[] KINDS = RowKind.values();

    /** The payload of a batch, as another end of the socket receives it. */
    private static byte[] sent(BatchWriter writer) throws Exception {
        try (SocketPair pair = new SocketPair();
                Connection ours = new Connection(pair.ours());
                Connection theirs = new Connection(pair.theirs())) {
            List<Exception> failures = new ArrayList<>();
            Thread sender = new Thread(() -> {
                try {
                    writer.send(ours);
                } catch (IOException | InterruptedException failure) {
                    failures.add(failure);
                }
            });
            sender.start();
            byte[] payload = theirs.receive().payload();
            sender.join();
            assertEquals(List.of(), failures);
            return payload;
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
    void anyRowsGoThereAndBack(long seed) throws Exception {
        RandomRows source = new RandomRows(seed);
        RowType type = source.rowType();
        RowDataSerializer serializer = new RowDataSerializer(type);
        BatchWriter writer = new BatchWriter(type);
        BatchReader reader = new BatchReader(type);
        for (int size : new int[] {0, 1, 7, 8, 9, 1_000, 3}) {
            writer.clear();
            List<String> expected = new ArrayList<>();
            for (int index = 0; index < size; index++) {
                RowData row = source.row(type);
                expected.add(SpecValues.show(type, row));
                RowData given = index % 2 == 0 ? row : serializer.toBinaryRow(row);
                writer.add(given, size == 9 ? KINDS[index % 4] : RowKind.INSERT);
            }
            Batch batch = reader.read(sent(writer));
            assertEquals(size, batch.rows());
            for (int index = 0; index < size; index++) {
                assertEquals(expected.get(index), SpecValues.show(type, batch.row(index)));
                assertEquals(size == 9 ? KINDS[index % 4] : RowKind.INSERT, batch.kind(index));
                RowData copied = serializer.copy(batch.row(index));
                assertEquals(expected.get(index), SpecValues.show(type, copied), "copied by Flink");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {21, 22, 23, 24, 25, 26})
    void damageIsRefusedOrHarmless(long seed) throws Exception {
        RandomRows source = new RandomRows(seed);
        RowType type = source.rowType();
        BatchWriter writer = new BatchWriter(type);
        for (int index = 0; index < 40; index++) {
            writer.add(source.row(type), KINDS[index % 4]);
        }
        byte[] whole = sent(writer);
        BatchReader reader = new BatchReader(type);
        Random random = new Random(seed);
        int refused = 0;
        for (int round = 0; round < 3_000; round++) {
            byte[] damaged = whole.clone();
            for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                int at = random.nextInt(random.nextBoolean() ? damaged.length : Math.min(damaged.length, 160));
                damaged[at] = (byte) (random.nextBoolean() ? random.nextInt() : damaged[at] ^ 1 << random.nextInt(8));
            }
            try {
                Batch batch = reader.read(damaged);
                for (int index = 0; index < batch.rows(); index++) {
                    SpecValues.show(type, batch.row(index));
                }
            } catch (WorkerException error) {
                assertFalse(error.code().isEmpty());
                refused++;
            } catch (TableException range) {
                assertTrue(range.getMessage().contains("out of Flink's range"), range.getMessage());
            }
        }
        assertTrue(refused > 0);
    }

    @Test
    void batchesAreFullByRowsAndByBytes() {
        RowType type = RowType.of(new BigIntType(), new VarCharType(VarCharType.MAX_LENGTH));
        BatchWriter writer = new BatchWriter(type);
        while (!writer.isFull()) {
            writer.add(GenericRowData.of(1L, StringData.fromString("")));
        }
        assertEquals(65_536, writer.rows());
        writer.clear();
        assertTrue(writer.isEmpty());
        StringData large = StringData.fromString("x".repeat(100_000));
        while (!writer.isFull()) {
            writer.add(GenericRowData.of(1L, large));
        }
        assertEquals(42, writer.rows());
        assertTrue(writer.bytes() >= 4 << 20);
    }

    @Test
    void rowsThatCannotBeSentAtOnceAreRefusedBeforeMemoryIsTaken() {
        Buffer buffer = new Buffer(8);
        buffer.putInt(1);
        TableException error = assertThrows(TableException.class, () -> buffer.fill(0, Buffer.SIZE_MAX));
        assertTrue(error.getMessage().contains("256 MiB"), error.getMessage());
        assertEquals(4, buffer.size());
    }
}
