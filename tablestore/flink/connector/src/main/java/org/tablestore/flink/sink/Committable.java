package org.tablestore.flink.sink;

import java.util.List;

/**
 * Everything that one checkpoint commits: the parts of all writers (spec §16.9).
 *
 * @param sinkId who commits; drawn at random when the job began without state
 * @param checkpoint the commit's number, ascending for one sink
 * @param documents the documents of all parts
 */
record Committable(String sinkId, long checkpoint, List<byte[]> documents) {}
