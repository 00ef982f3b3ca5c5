package org.tablestore.flink;

import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;

/** Makes what Flink SQL needs for tables with {@code 'connector' = 'tablestore'}. */
public final class TableStoreDynamicTableFactory implements DynamicTableSourceFactory, DynamicTableSinkFactory {
    /** The value of the option {@code connector}. */
    public static final String IDENTIFIER = "tablestore";

    @Override
    public String factoryIdentifier() {
        return IDENTIFIER;
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(TableStoreOptions.TABLE_PATH);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return TableStoreOptions.optional();
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        FactoryUtil.TableFactoryHelper helper = checked(context);
        return new TableStoreTableSource(TableDefinition.describe(context, helper.getOptions()), helper.getOptions());
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        FactoryUtil.TableFactoryHelper helper = checked(context);
        return new TableStoreTableSink(TableDefinition.describe(context, helper.getOptions()), helper.getOptions());
    }

    private FactoryUtil.TableFactoryHelper checked(Context context) {
        TableDefinition.checkOptions(context);
        TableDefinition.checkStreaming(context);
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validate();
        return helper;
    }
}
