package org.tablestore.flink.sink;

import java.util.List;

/**
 * What one writer has prepared for one checkpoint: documents that name its files (spec §16.9), which only workers read.
 *
 * @param table id of the table that they belong to
 * @param documents in order; none if the writer had no rows
 */
record Part(String table, List<byte[]> documents) {}
