package org.tablestore.flink.bridge;

/**
 * What a worker answered.
 *
 * @param values the named values
 * @param batch the payload of the rows that came along, for {@link BatchReader#read}; null if there are none
 */
public record Reply(Values values, byte[] batch) {
    public boolean hasBatch() {
        return batch != null;
    }
}
