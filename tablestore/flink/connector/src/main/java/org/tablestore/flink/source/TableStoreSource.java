package org.tablestore.flink.source;

import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.tablestore.flink.TableDescription;

/**
 * The source: one split for each bucket, which lives as long as the job.
 *
 * <pre>
 * enumerator ──── buckets ────▶ reader × n ─▶ rows
 *     │  ◀── positions ──────────   │
 *  planner: where to start,      worker: follows the table
 *  what must be kept
 * </pre>
 */
public final class TableStoreSource
        implements Source<RowData, BucketSplit, EnumeratorState>, ResultTypeQueryable<RowData> {
    /** Consumers that jobs make for themselves begin with this. */
    public static final String ANONYMOUS = "flink-";

    private static final long serialVersionUID = 1L;

    private final TableDescription table;
    private final StartPoint start;
    private final ScanQuery query;

    public TableStoreSource(TableDescription table, StartPoint start, ScanQuery query) {
        this.table = table;
        this.start = start;
        this.query = query;
    }

    @Override
    public Boundedness getBoundedness() {
        return start.bounded() ? Boundedness.BOUNDED : Boundedness.CONTINUOUS_UNBOUNDED;
    }

    @Override
    public SourceReader<RowData, BucketSplit> createReader(SourceReaderContext context) {
        return TableStoreSourceReader.create(context, table, query);
    }

    @Override
    public SplitEnumerator<BucketSplit, EnumeratorState> createEnumerator(
            SplitEnumeratorContext<BucketSplit> context) {
        String consumer = start.consumer() != null ? start.consumer() : ANONYMOUS + UUID.randomUUID();
        return restoreEnumerator(context, new EnumeratorState(consumer, false, Map.of(), List.of()));
    }

    @Override
    public SplitEnumerator<BucketSplit, EnumeratorState> restoreEnumerator(
            SplitEnumeratorContext<BucketSplit> context, EnumeratorState state) {
        return new BucketEnumerator(context, table, start, query, state);
    }

    @Override
    public SimpleVersionedSerializer<BucketSplit> getSplitSerializer() {
        return new BucketSplitSerializer();
    }

    @Override
    public SimpleVersionedSerializer<EnumeratorState> getEnumeratorCheckpointSerializer() {
        return new EnumeratorStateSerializer();
    }

    @Override
    public TypeInformation<RowData> getProducedType() {
        return InternalTypeInfo.of(query.rowType());
    }
}
