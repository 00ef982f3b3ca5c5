package org.tablestore.flink.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.RowType;
import org.junit.jupiter.api.Test;

/** State in checkpoints (spec §16.10): what is written is read again, and has the bytes that the spec gives. */
class SerializersTest {
    private static final BucketSplit SPLIT =
            new BucketSplit(3, new Position(17, 1_000_000_000_000L, true), BucketSplit.UNBOUNDED, "flink-ü", "q'\"é");

    private final BucketSplitSerializer splits = new BucketSplitSerializer();
    private final EnumeratorStateSerializer states = new EnumeratorStateSerializer();

    @Test
    void aSplitHasTheBytesOfTheSpec() throws IOException {
        String expected = "00000003" + "0000000000000011" + "000000e8d4a51000" + "01" + "ffffffffffffffff"
                + "0008" + "666c696e6b2dc3bc" + "00000005" + "712722c3a9";
        assertEquals(expected, HexFormat.of().formatHex(splits.serialize(SPLIT)));
    }

    @Test
    void splitsComeBack() throws IOException {
        Random random = new Random(1);
        for (int round = 0; round < 1000; round++) {
            BucketSplit split = split(random);
            assertEquals(split, splits.deserialize(1, splits.serialize(split)));
        }
    }

    @Test
    void statesComeBack() throws IOException {
        Random random = new Random(2);
        for (int round = 0; round < 300; round++) {
            EnumeratorState state = state(random);
            assertEquals(state, states.deserialize(1, states.serialize(state)));
        }
    }

    @Test
    void damageIsAnErrorAndNothingElse() throws IOException {
        byte[] split = splits.serialize(SPLIT);
        byte[] state = states.serialize(new EnumeratorState("c", true, Map.of(1, SPLIT.position()), List.of(SPLIT)));
        for (int length = 0; length < split.length; length++) {
            byte[] cut = Arrays.copyOf(split, length);
            assertThrows(IOException.class, () -> splits.deserialize(1, cut));
        }
        for (int length = 0; length < state.length; length++) {
            byte[] cut = Arrays.copyOf(state, length);
            assertThrows(IOException.class, () -> states.deserialize(1, cut));
        }
        assertThrows(IOException.class, () -> splits.deserialize(1, Arrays.copyOf(split, split.length + 1)));
        assertThrows(IOException.class, () -> states.deserialize(1, Arrays.copyOf(state, state.length + 1)));
    }

    @Test
    void anotherVersionIsRefused() throws IOException {
        byte[] data = splits.serialize(SPLIT);
        IOException error = assertThrows(IOException.class, () -> splits.deserialize(2, data));
        assertEquals("State of a TableStore source has version 2, this connector knows 1: use the connector"
                + " that wrote it,"
                + " or a newer one.", error.getMessage());
    }

    @Test
    void theLeastPositionKeepsWhatAllNeed() {
        Position state = new Position(5, 7, true);
        Position changes = new Position(5, 7, false);
        Position later = new Position(6, 0, true);
        assertEquals(new Position(5, 0, true), BucketEnumerator.least(List.of(later, changes, state)));
        assertEquals(new Position(5, 0, false), BucketEnumerator.least(List.of(later, changes)));
        assertEquals(null, BucketEnumerator.least(List.of()));
    }

    @Test
    void anotherQueryGoesOnBetweenSnapshotsOnly() {
        RowType row = RowType.of(new BigIntType(false));
        ScanQuery before = new ScanQuery(row, null, "full", 200, -1);
        ScanQuery after = new ScanQuery(row, "\"f0\" > 1", "full", 500, -1);
        BucketSplit between = new BucketSplit(1, new Position(4, 0, true), 9, "c", before.identity());
        assertEquals(new BucketSplit(1, new Position(4, 0, true), 9, "c", after.identity()),
                between.readAs(after, "t"));
        BucketSplit within = between.at(new Position(4, 7, false));
        assertEquals(within, within.readAs(new ScanQuery(row, null, "full", 500, -1), "t"));
        Throwable error = assertThrows(SuppressRestartsException.class, () -> within.readAs(after, "t")).getCause();
        assertTrue(error.getMessage().contains("bucket 1 of table 't' is in the middle of snapshot 4"),
                error.getMessage());
        assertThrows(SuppressRestartsException.class,
                () -> within.readAs(new ScanQuery(row, null, "upsert", 200, -1), "t"));
    }

    private static BucketSplit split(Random random) {
        long end = random.nextBoolean() ? BucketSplit.UNBOUNDED : random.nextLong(1, Long.MAX_VALUE);
        return new BucketSplit(random.nextInt(65_536), position(random), end, text(random, 50), text(random, 100_000));
    }

    private static Position position(Random random) {
        return new Position(random.nextLong(1, Long.MAX_VALUE), random.nextLong(Long.MAX_VALUE), random.nextBoolean());
    }

    private static String text(Random random, int most) {
        int length = random.nextInt(random.nextInt(10) == 0 ? most : 20);
        return random.ints(length, 0, 0xD800).collect(StringBuilder::new, StringBuilder::appendCodePoint,
                StringBuilder::append).toString();
    }

    private static EnumeratorState state(Random random) {
        Map<Integer, Position> positions = new HashMap<>();
        List<BucketSplit> waiting = new ArrayList<>();
        for (int left = random.nextInt(20); left > 0; left--) {
            positions.put(random.nextInt(65_536), position(random));
        }
        for (int left = random.nextInt(5); left > 0; left--) {
            waiting.add(split(random));
        }
        return new EnumeratorState(text(random, 50), random.nextBoolean(), positions, waiting);
    }
}
