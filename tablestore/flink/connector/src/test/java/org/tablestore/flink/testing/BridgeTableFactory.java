package org.tablestore.flink.testing;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.logical.RowType;
import org.tablestore.flink.TableDescription;
import org.tablestore.flink.bridge.BatchWriter;
import org.tablestore.flink.bridge.Values;
import org.tablestore.flink.bridge.Worker;

/**
 * {@code 'connector' = 'tsbridge'}: hands rows to a Python worker beside each subtask and does nothing else, neither
 * shuffle nor commit. Its worker is {@code benchmarks/flink_receiver.py}, which counts them.
 */
public final class BridgeTableFactory implements DynamicTableSinkFactory {
    static final ConfigOption<String> PATH = ConfigOptions.key("path").stringType().noDefaultValue();
    static final ConfigOption<String> PYTHON = ConfigOptions.key("python").stringType().noDefaultValue();

    @Override
    public String factoryIdentifier() {
        return "tsbridge";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(PATH, PYTHON);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of();
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validate();
        RowType type = (RowType) context.getPhysicalRowDataType().getLogicalType();
        String path = helper.getOptions().get(PATH);
        String python = helper.getOptions().get(PYTHON);
        List<String> key = context.getCatalogTable().getResolvedSchema().getPrimaryKey().orElseThrow().getColumns();
        return new BridgeTable(new TableDescription("bridge", path, type, key, List.of(), 4, Map.of(), python));
    }

    private record BridgeTable(TableDescription description) implements DynamicTableSink {
        @Override
        public ChangelogMode getChangelogMode(ChangelogMode requested) {
            return requested;
        }

        @Override
        public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
            return SinkV2Provider.of(new BridgeSink(description));
        }

        @Override
        public DynamicTableSink copy() {
            return this;
        }

        @Override
        public String asSummaryString() {
            return "tsbridge";
        }
    }

    private static final class BridgeSink implements Sink<RowData> {
        private static final long serialVersionUID = 1;
        private final TableDescription description;

        BridgeSink(TableDescription description) {
            this.description = description;
        }

        @Override
        public SinkWriter<RowData> createWriter(WriterInitContext context) throws IOException {
            try {
                return new BridgeWriter(description);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                throw new IOException(interrupted);
            }
        }
    }

    private static final class BridgeWriter implements SinkWriter<RowData> {
        private final Worker worker;
        private final BatchWriter batch;
        private long rows;

        BridgeWriter(TableDescription description) throws IOException, InterruptedException {
            worker = Worker.start(description, "writer", "bridge", Map.of());
            batch = new BatchWriter(description.rowType());
        }

        @Override
        public void write(RowData row, Context context) throws IOException, InterruptedException {
            batch.add(row);
            rows++;
            if (batch.isFull()) {
                send();
            }
        }

        /** At the end of the input, asks how many rows have arrived. */
        @Override
        public void flush(boolean endOfInput) throws IOException, InterruptedException {
            if (!batch.isEmpty()) {
                send();
            }
            if (endOfInput) {
                String arrived = worker.call("count", Values.of()).values().text("rows");
                if (!arrived.equals(Long.toString(rows))) {
                    throw new IOException(arrived + " of " + rows + " rows arrived");
                }
            }
        }

        private void send() throws IOException, InterruptedException {
            worker.send(batch);
            batch.clear();
        }

        @Override
        public void close() throws IOException {
            worker.close();
        }
    }
}
