package org.tablestore.flink;

import java.util.Map;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.dag.Transformation;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamSink;
import org.apache.flink.streaming.api.transformations.LegacySourceTransformation;
import org.apache.flink.streaming.api.transformations.WithBoundedness;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.sink.DataStreamSinkProvider;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.abilities.SupportsOverwrite;
import org.apache.flink.table.connector.sink.abilities.SupportsPartitioning;
import org.apache.flink.table.data.RowData;
import org.apache.flink.types.RowKind;
import org.tablestore.flink.TableStoreOptions.OlderSavepoint;
import org.tablestore.flink.sink.TableStoreSink;

/** A table that is written: takes every kind of change and keeps the last row of each primary key. */
final class TableStoreTableSink implements DynamicTableSink, SupportsPartitioning, SupportsOverwrite {
    private final TableDescription table;
    private final ReadableConfig options;

    TableStoreTableSink(TableDescription table, ReadableConfig options) {
        this.table = table;
        this.options = options;
    }

    /** What is asked for, without rows before updates: the rows after them replace them. */
    @Override
    public ChangelogMode getChangelogMode(ChangelogMode requested) {
        ChangelogMode.Builder mode = ChangelogMode.newBuilder();
        for (RowKind kind : requested.getContainedKinds()) {
            if (kind != RowKind.UPDATE_BEFORE) {
                mode.addContainedKind(kind);
            }
        }
        return mode.build();
    }

    @Override
    public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
        return new DataStreamSinkProvider() {
            @Override
            public DataStreamSink<?> consumeDataStream(ProviderContext provider, DataStream<RowData> rows) {
                return consume(provider, rows);
            }
        };
    }

    private DataStreamSink<RowData> consume(ProviderContext provider, DataStream<RowData> rows) {
        boolean commits = rows.getExecutionEnvironment().getCheckpointConfig().isCheckpointingEnabled();
        if (!commits && !isBounded(rows.getTransformation())) {
            throw new ValidationException("Checkpointing is off and the input of table '" + table.name()
                    + "' has no end, so that nothing would ever be committed. Turn it on, for example with"
                    + " SET 'execution.checkpointing.interval' = '10 s'.");
        }
        var uid = provider.generateUid("sink");
        int parallelism = options.getOptional(TableStoreOptions.SINK_PARALLELISM)
                .orElse(Math.min(rows.getParallelism(), table.buckets()));
        boolean newIdentity = options.get(TableStoreOptions.SINK_OLDER_SAVEPOINT) == OlderSavepoint.NEW_IDENTITY;
        TableStoreSink sink = new TableStoreSink(table, newIdentity, uid.isPresent());
        DataStreamSink<RowData> stream =
                rows.sinkTo(sink).name("tablestore " + table.name()).setParallelism(parallelism);
        uid.ifPresent(stream::uid);
        return stream;
    }

    private static boolean isBounded(Transformation<?> transformation) {
        return transformation.getTransitivePredecessors().stream()
                .filter(WithBoundedness.class::isInstance)
                .allMatch(source -> ((WithBoundedness) source).getBoundedness() == Boundedness.BOUNDED
                        || isInput(source));
    }

    /** Whether a source reads an input format, as VALUES does: Flink does not say that these end. */
    private static boolean isInput(Transformation<?> source) {
        return source instanceof LegacySourceTransformation<?> legacy
                && legacy.getOperator().getUserFunction().getClass().getSimpleName().startsWith("InputFormat");
    }

    /** INSERT INTO … PARTITION (c = v): the rows bring the values along. */
    @Override
    public void applyStaticPartition(Map<String, String> partition) {}

    @Override
    public void applyOverwrite(boolean overwrite) {
        if (overwrite) {
            throw new ValidationException("INSERT OVERWRITE into table '" + table.name()
                    + "' is not possible: a stream has no"
                    + " end at which the old rows could go. Use INSERT INTO, or overwrite() of the Python library.");
        }
    }

    @Override
    public DynamicTableSink copy() {
        return new TableStoreTableSink(table, options);
    }

    @Override
    public String asSummaryString() {
        return "TableStore";
    }
}
