package org.tablestore.flink.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.source.DataStreamScanProvider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.abilities.SupportsFilterPushDown;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.expressions.ResolvedExpression;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.logical.RowType;
import org.tablestore.flink.source.FilterText;

/**
 * Tables that are only planned: they remember the filter texts that the connector would make of what is
 * pushed down.
 */
public final class FilterRecorderFactory implements DynamicTableSourceFactory {
    private static List<String> texts = List.of();
    private static boolean complete;

    static void reset() {
        texts = List.of();
        complete = false;
    }

    /** All conditions that were pushed down last; empty if there were none, or one of them has no text. */
    static String text() {
        return complete && !texts.isEmpty() ? FilterText.all(texts) : "";
    }

    @Override
    public String factoryIdentifier() {
        return "filter-recorder";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of();
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of();
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        return new Recorder((RowType) context.getPhysicalRowDataType().getLogicalType());
    }

    private record Recorder(RowType rowType) implements ScanTableSource, SupportsFilterPushDown {
        @Override
        public Result applyFilters(List<ResolvedExpression> filters) {
            texts = new ArrayList<>();
            filters.forEach(filter -> FilterText.of(filter).ifPresent(texts::add));
            complete = texts.size() == filters.size();
            return Result.of(filters, List.of());
        }

        @Override
        public ChangelogMode getChangelogMode() {
            return ChangelogMode.insertOnly();
        }

        @Override
        public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
            return new DataStreamScanProvider() {
                @Override
                public DataStream<RowData> produceDataStream(ProviderContext provider,
                        StreamExecutionEnvironment environment) {
                    return environment.fromCollection(List.<RowData>of(), InternalTypeInfo.of(rowType));
                }

                @Override
                public boolean isBounded() {
                    return true;
                }
            };
        }

        @Override
        public DynamicTableSource copy() {
            return new Recorder(rowType);
        }

        @Override
        public String asSummaryString() {
            return "recorder";
        }
    }
}
