package org.tablestore.flink.sink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What Flink keeps of a sink in checkpoints, and how rows find their writer. */
final class CommittableTest {
    private static final List<byte[]> DOCUMENTS = List.of(new byte[] {1, 2, 3}, new byte[0], new byte[70_000]);

    private final CommittableSerializer committables = new CommittableSerializer();
    private final PartSerializer parts = new PartSerializer();

    @Test
    void committablesComeBack() throws IOException {
        Committable made = new Committable("3f0c", Long.MAX_VALUE - 1, DOCUMENTS);
        Committable found = committables.deserialize(1, committables.serialize(made));
        assertEquals("3f0c", found.sinkId());
        assertEquals(Long.MAX_VALUE - 1, found.checkpoint());
        assertSame(DOCUMENTS, found.documents());
    }

    @Test
    void partsComeBack() throws IOException {
        assertSame(DOCUMENTS, parts.deserialize(1, parts.serialize(new Part("t", DOCUMENTS))).documents());
        assertSame(List.of(), parts.deserialize(1, parts.serialize(new Part("t", List.of()))).documents());
    }

    @Test
    void everyCutIsRefused() throws IOException {
        byte[] whole = committables.serialize(new Committable("s", 1, List.of(new byte[] {1, 2}, new byte[] {3})));
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThrows(IOException.class, () -> committables.deserialize(1, cut), "cut to " + length);
        }
        byte[] longer = Arrays.copyOf(whole, whole.length + 1);
        assertThrows(IOException.class, () -> committables.deserialize(1, longer));
    }

    @Test
    void hugeSizesAreRefusedBeforeTheyAreAllocated() throws IOException {
        byte[] whole = parts.serialize(new Part("t", List.of(new byte[] {1, 2})));
        for (int start : new int[] {3, 7}) { // behind the id of the table
            byte[] damaged = whole.clone();
            Arrays.fill(damaged, start, start + 4, (byte) 0x7F);
            assertThrows(IOException.class, () -> parts.deserialize(1, damaged));
            damaged[start] = (byte) 0xFF;
            assertThrows(IOException.class, () -> parts.deserialize(1, damaged));
        }
    }

    @Test
    void otherVersionsAreRefused() {
        IOException error = assertThrows(IOException.class, () -> committables.deserialize(2, new byte[0]));
        assertTrue(error.getMessage().contains("version 2"), error.getMessage());
        assertThrows(IOException.class, () -> parts.deserialize(0, new byte[0]));
    }

    /** Each bucket has one writer, neighbours share one, and none has more than its share. */
    @Test
    void bucketsAreSpreadOverWriters() {
        for (int buckets : new int[] {1, 2, 3, 4, 7, 64, 65_536}) {
            for (int writers : new int[] {1, 2, 3, 5, 8, 100}) {
                int[] owned = new int[writers];
                int last = 0;
                for (int bucket = 0; bucket < buckets; bucket++) {
                    int writer = BucketPartitioner.writerOf(bucket, buckets, writers);
                    assertTrue(writer >= last && writer < writers, buckets + " buckets, " + writers + " writers");
                    last = writer;
                    owned[writer]++;
                }
                int most = Arrays.stream(owned).max().orElseThrow();
                assertTrue(most <= (buckets + writers - 1) / writers, buckets + " buckets, " + writers + " writers");
            }
        }
    }

    private static void assertSame(List<byte[]> expected, List<byte[]> found) {
        assertEquals(expected.size(), found.size());
        for (int index = 0; index < expected.size(); index++) {
            assertArrayEquals(expected.get(index), found.get(index));
        }
    }
}
