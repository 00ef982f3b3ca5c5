package org.tablestore.flink.sink;

import java.io.IOException;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.api.connector.sink2.CommitterInitContext;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.SupportsCommitter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessageTypeInfo;
import org.apache.flink.streaming.api.connector.sink2.SupportsPreCommitTopology;
import org.apache.flink.streaming.api.connector.sink2.SupportsPreWriteTopology;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.transformations.PartitionTransformation;
import org.apache.flink.table.data.RowData;
import org.tablestore.flink.TableDescription;

/**
 * The sink: rows go by bucket to writers, what these prepare goes to one aggregator, and what that collects
 * of a checkpoint goes to one committer.
 *
 * <pre>
 * input ─ by bucket ─ writer × n ─ aggregator × 1 ─ committer (one of n)
 *                       │                              │
 *                    worker                     worker, compactor
 * </pre>
 */
public final class TableStoreSink
        implements Sink<RowData>,
                SupportsPreWriteTopology<RowData>,
                SupportsPreCommitTopology<Part, Committable>,
                SupportsCommitter<Committable> {
    private static final long serialVersionUID = 1L;

    private final TableDescription table;
    private final boolean newIdentity;
    private final boolean named;

    /**
     * @param newIdentity whether a job that was restored from an older savepoint goes on under a new identity
     * @param named whether the sink has a uid, and its operators must have some
     */
    public TableStoreSink(TableDescription table, boolean newIdentity, boolean named) {
        this.table = table;
        this.newIdentity = newIdentity;
        this.named = named;
    }

    /** Also before a single writer: operators keep the ids that Flink gives them when a job is scaled. */
    @Override
    public DataStream<RowData> addPreWriteTopology(DataStream<RowData> rows) {
        return new DataStream<>(
                rows.getExecutionEnvironment(),
                new PartitionTransformation<>(rows.getTransformation(), new BucketPartitioner(table)));
    }

    @Override
    public SinkWriter<RowData> createWriter(WriterInitContext context) throws IOException {
        return new TableStoreWriter(table, context);
    }

    @Override
    public DataStream<CommittableMessage<Committable>> addPreCommitTopology(
            DataStream<CommittableMessage<Part>> parts) {
        SingleOutputStreamOperator<CommittableMessage<Committable>> aggregated = parts.global()
                .transform(
                        "aggregator",
                        CommittableMessageTypeInfo.of(CommittableSerializer::new),
                        new CommittableAggregator(table, newIdentity))
                .setParallelism(1)
                .setMaxParallelism(1);
        if (named) {
            aggregated.uid("aggregator");
        }
        return aggregated.global();
    }

    @Override
    public Committer<Committable> createCommitter(CommitterInitContext context) {
        return new TableStoreCommitter(table, context);
    }

    @Override
    public SimpleVersionedSerializer<Part> getWriteResultSerializer() {
        return new PartSerializer();
    }

    @Override
    public SimpleVersionedSerializer<Committable> getCommittableSerializer() {
        return new CommittableSerializer();
    }
}
