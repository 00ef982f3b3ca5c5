package org.tablestore.flink.source;

import java.io.Serializable;

/**
 * What comes next of a bucket (spec §16.10): rows from {@code rows} on of the changes of snapshot {@code next}, or with
 * {@code state} of the rows that it shows.
 */
record Position(long next, long rows, boolean state) implements Serializable, Comparable<Position> {
    private static final long serialVersionUID = 1L;

    /** By snapshot: what is needed for the one that is less keeps everything that the greater needs. */
    @Override
    public int compareTo(Position other) {
        int bySnapshot = Long.compare(next, other.next);
        return bySnapshot != 0 ? bySnapshot : Boolean.compare(other.state, state);
    }

    /** The same place without the rows: that of the snapshot as a whole. */
    Position whole() {
        return new Position(next, 0, state);
    }
}
