package org.tablestore.flink.source;

import java.util.List;
import java.util.Map;

/**
 * What the enumerator remembers (spec §16.10).
 *
 * @param consumer the name under which the table keeps what this source still needs
 * @param started whether it is decided where reading starts; otherwise all that follows is empty
 * @param positions where each bucket was at the last complete checkpoint, rows left out; those that are over
 *     are missing
 * @param waiting splits that no reader has
 */
record EnumeratorState(
        String consumer, boolean started, Map<Integer, Position> positions, List<BucketSplit> waiting) {}
