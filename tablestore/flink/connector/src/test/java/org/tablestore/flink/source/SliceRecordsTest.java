package org.tablestore.flink.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.RowType;
import org.junit.jupiter.api.Test;
import org.tablestore.flink.bridge.BatchReader;
import org.tablestore.flink.bridge.Values;
import org.tablestore.flink.bridge.WorkerException;

/** Answers of a reader worker, cut at every place where a checkpoint may come (spec §16.10). */
class SliceRecordsTest {
    private final BatchReader reader = new BatchReader(RowType.of(new BigIntType(false)));

    @Test
    void rowsAreCutBySnapshotAndSize() throws WorkerException {
        Values answer = answer(9, 3).put("segments", "7:1500:70,9:1503:90");
        List<RowSlice> slices = slices(SliceRecords.read(answer, batch(1503), new Position(7, 100, false), reader));
        assertEquals(List.of(new Position(7, 1124, false), new Position(7, 1600, false), new Position(9, 3, false)),
                slices.stream().map(RowSlice::after).toList());
        assertEquals(List.of(0, 1024, 1500), slices.stream().map(RowSlice::first).toList());
        assertEquals(List.of(1024, 1500, 1503), slices.stream().map(RowSlice::last).toList());
        assertEquals(List.of(70L, 70L, 90L), slices.stream().map(RowSlice::millis).toList());
        assertEquals(1502, slices.get(2).batch().row(1502).getLong(0));
    }

    @Test
    void aBucketMayMoveOnWithoutRows() throws WorkerException {
        SliceRecords records = SliceRecords.read(answer(12, 0).put("over", "true"), null,
                new Position(7, 0, false), reader);
        assertEquals(Set.of("3"), records.finishedSplits());
        List<RowSlice> slices = slices(records);
        assertEquals(1, slices.size());
        assertEquals(0, slices.get(0).last());
        assertEquals(new Position(12, 0, false), slices.get(0).after());
    }

    @Test
    void segmentsMustFitTheBatch() {
        for (String segments
                : List.of("", "7", "7:1:2:3", "7:11:0", "7:9:0", "7:0:0,7:10:0", "7:x:0", "7:10:0,8:10:0")) {
            assertThrows(WorkerException.class,
                    () -> SliceRecords.read(answer(7, 10).put("segments", segments), batch(10),
                            new Position(7, 0, false), reader),
                    segments);
        }
    }

    private static Values answer(long next, long rows) {
        return Values.of("bucket", "3").put("next", next).put("rows", rows).put("state", "false").put("over", "false");
    }

    private static List<RowSlice> slices(SliceRecords records) {
        assertEquals("3", records.nextSplit());
        List<RowSlice> slices = new ArrayList<>();
        for (RowSlice slice = records.nextRecordFromSplit(); slice != null; slice = records.nextRecordFromSplit()) {
            slices.add(slice);
        }
        assertNull(records.nextSplit());
        return slices;
    }

    /** Numbers from 0 on (spec §16.5). */
    private static byte[] batch(int rows) {
        ByteBuffer out = ByteBuffer.allocate(32 + 8 * rows).order(ByteOrder.LITTLE_ENDIAN);
        out.putInt(rows).putInt(3).putLong(0).putLong(0).putLong(8L * rows);
        for (long row = 0; row < rows; row++) {
            out.putLong(row);
        }
        return out.array();
    }
}
