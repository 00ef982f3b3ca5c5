package org.tablestore.flink.source;

/** A split while it is read: its position moves with the rows that are handed on. */
final class BucketSplitState {
    private final BucketSplit split;
    private Position position;

    BucketSplitState(BucketSplit split) {
        this.split = split;
        position = split.position();
    }

    void moveTo(Position next) {
        position = next;
    }

    BucketSplit split() {
        return split.at(position);
    }
}
