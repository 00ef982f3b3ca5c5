package org.tablestore.flink.source;

import java.io.Serializable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.table.types.logical.RowType;
import org.tablestore.flink.bridge.Json;

/**
 * Which rows of the table are read, and how.
 *
 * @param rowType the columns, in order
 * @param filter a filter text of the table's own, or null
 * @param changelogMode full or upsert
 * @param pollMillis how often a reader looks for a new snapshot
 * @param limit rows of each bucket after which a bounded read may end, -1 for none
 */
public record ScanQuery(RowType rowType, String filter, String changelogMode, long pollMillis, long limit)
        implements Serializable {
    private static final long serialVersionUID = 1L;

    /** What positions within a snapshot depend on: the same text means the same rows in the same order. */
    String identity() {
        return Json.array(List.of(changelogMode, filter == null ? "" : filter)) + Json.array(rowType.getFieldNames());
    }

    /** The entries of a reader's HELLO. */
    Map<String, String> hello() {
        Map<String, String> entries = new HashMap<>();
        entries.put("scan.columns", Json.array(rowType.getFieldNames()));
        entries.put("scan.changelog-mode", changelogMode);
        entries.put("scan.poll-millis", Long.toString(pollMillis));
        if (filter != null) {
            entries.put("scan.filter", filter);
        }
        if (limit >= 0) {
            entries.put("scan.limit", Long.toString(limit));
        }
        return entries;
    }
}
