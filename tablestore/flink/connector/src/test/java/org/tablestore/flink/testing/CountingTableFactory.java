package org.tablestore.flink.testing;

import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.logical.RowType;

/** {@code 'connector' = 'tscount'}: counts rows and sums their hashes, and keeps nothing else. */
public final class CountingTableFactory implements DynamicTableSinkFactory {
    static final ConfigOption<String> DIRECTORY = ConfigOptions.key("directory")
            .stringType()
            .noDefaultValue()
            .withDescription("a local directory for the counts of each subtask, see CountingSink");
    static final ConfigOption<Boolean> CONTENT = ConfigOptions.key("content")
            .booleanType()
            .defaultValue(true)
            .withDescription("false: count rows without looking at their values");

    @Override
    public String factoryIdentifier() {
        return "tscount";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(DIRECTORY);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of(CONTENT);
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validate();
        RowType type = (RowType) context.getPhysicalRowDataType().getLogicalType();
        return new CountingTable(
                type, helper.getOptions().get(DIRECTORY), helper.getOptions().get(CONTENT));
    }

    private record CountingTable(RowType type, String directory, boolean content)
            implements DynamicTableSink {
        @Override
        public ChangelogMode getChangelogMode(ChangelogMode requested) {
            return requested;
        }

        @Override
        public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
            return SinkV2Provider.of(new CountingSink(type, directory, content));
        }

        @Override
        public DynamicTableSink copy() {
            return this;
        }

        @Override
        public String asSummaryString() {
            return "tscount";
        }
    }
}
