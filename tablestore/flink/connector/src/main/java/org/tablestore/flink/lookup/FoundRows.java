package org.tablestore.flink.lookup;

import java.util.Collection;
import java.util.List;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.RowDataSerializer;
import org.apache.flink.table.types.logical.RowType;
import org.tablestore.flink.bridge.Batch;
import org.tablestore.flink.bridge.WorkerException;

/** Takes answers apart, key by key. */
final class FoundRows {
    private final RowDataSerializer copies;

    /** detached: whether rows outlive the answer, in a cache say, and so must not keep all of it in memory. */
    FoundRows(RowType rowType, boolean detached) {
        copies = detached ? new RowDataSerializer(rowType) : null;
    }

    /** Goes through the answers to keys 0, 1, 2, … */
    Cursor of(Batch found) {
        return new Cursor(found, found.withoutFirst(1));
    }

    /** At the answer to one key after another. */
    final class Cursor {
        private final Batch found;
        private final Batch rows;
        private int next;

        private Cursor(Batch found, Batch rows) {
            this.found = found;
            this.rows = rows;
        }

        /** The rows of a key, at most one; keys must be asked for in order. */
        Collection<RowData> at(int key) {
            if (next == found.rows() || found.row(next).getInt(0) != key) {
                return List.of();
            }
            RowData row = rows.ownRow(next++);
            return List.of(copies == null ? row : copies.toBinaryRow(row, true).copy());
        }

        /** Checks that no row is left after the last key. */
        void end() throws WorkerException {
            if (next != found.rows()) {
                throw new WorkerException("A lookup was answered with rows for position " + found.row(next).getInt(0)
                        + " out of order (spec §16.11).", "FormatError", "bad-batch", false);
            }
        }
    }
}
