package org.tablestore.flink;

import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamSource;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.source.DataStreamScanProvider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.LookupTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.abilities.SupportsFilterPushDown;
import org.apache.flink.table.connector.source.abilities.SupportsLimitPushDown;
import org.apache.flink.table.connector.source.abilities.SupportsProjectionPushDown;
import org.apache.flink.table.connector.source.abilities.SupportsWatermarkPushDown;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.expressions.ResolvedExpression;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.RowKind;
import org.tablestore.flink.TableStoreOptions.ScanChangelogMode;
import org.tablestore.flink.TableStoreOptions.StartMode;
import org.tablestore.flink.lookup.LookupProviders;
import org.tablestore.flink.source.FilterText;
import org.tablestore.flink.source.ScanQuery;
import org.tablestore.flink.source.StartPoint;
import org.tablestore.flink.source.TableStoreSource;

/** A table that is read: its state, and then its changes. */
final class TableStoreTableSource
        implements ScanTableSource,
                LookupTableSource,
                SupportsProjectionPushDown,
                SupportsFilterPushDown,
                SupportsLimitPushDown,
                SupportsWatermarkPushDown {
    private static final int TESTS_MAX = 800;
    private static final long NO_LIMIT = -1;

    private final TableDescription table;
    private final ReadableConfig options;
    private RowType rowType;
    private List<String> filters = List.of();
    private Set<String> fixed = Set.of();
    private long limit = NO_LIMIT;
    private WatermarkStrategy<RowData> watermarks = WatermarkStrategy.noWatermarks();

    TableStoreTableSource(TableDescription table, ReadableConfig options) {
        this.table = table;
        this.options = options;
        rowType = table.rowType();
        startPoint(); // options that cannot be are refused at once
    }

    /** A bounded read of the state has nothing but inserts. */
    @Override
    public ChangelogMode getChangelogMode() {
        if (isState()) {
            return ChangelogMode.insertOnly();
        }
        if (options.get(TableStoreOptions.SCAN_CHANGELOG_MODE) == ScanChangelogMode.FULL) {
            return ChangelogMode.all();
        }
        return ChangelogMode.newBuilder()
                .addContainedKind(RowKind.INSERT)
                .addContainedKind(RowKind.UPDATE_AFTER)
                .addContainedKind(RowKind.DELETE)
                .build();
    }

    private boolean isState() {
        return options.get(TableStoreOptions.SCAN_BOUNDED)
                && options.get(TableStoreOptions.SCAN_STARTUP_MODE) == StartMode.LATEST_FULL;
    }

    @Override
    public boolean supportsNestedProjection() {
        return false;
    }

    @Override
    public void applyProjection(int[][] projected, DataType produced) {
        rowType = (RowType) produced.getLogicalType();
    }

    /** Takes what is known to mean the same to the table as to Flink; changes are those of the rows that fulfil it. */
    @Override
    public Result applyFilters(List<ResolvedExpression> conditions) {
        List<ResolvedExpression> accepted = new ArrayList<>();
        List<ResolvedExpression> remaining = new ArrayList<>();
        List<String> texts = new ArrayList<>();
        int tests = 0;
        for (ResolvedExpression condition : conditions) {
            Optional<String> text = FilterText.of(condition);
            tests += FilterText.tests(condition);
            if (text.isPresent() && tests <= TESTS_MAX) {
                accepted.add(condition);
                texts.add(text.get());
            } else {
                remaining.add(condition);
            }
        }
        filters = texts;
        fixed = LookupProviders.fixed(accepted);
        return Result.of(accepted, remaining);
    }

    /** Of use where rows are never changed again; elsewhere Flink counts alone. */
    @Override
    public void applyLimit(long rows) {
        limit = isState() ? rows : NO_LIMIT;
    }

    @Override
    public void applyWatermark(WatermarkStrategy<RowData> strategy) {
        watermarks = strategy;
    }

    @Override
    public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
        String filter = filters.isEmpty() ? null : FilterText.all(filters);
        long poll = Math.max(1, options.get(TableStoreOptions.SCAN_POLL_INTERVAL).toMillis());
        String mode = options.get(TableStoreOptions.SCAN_CHANGELOG_MODE).toString();
        ScanQuery query = new ScanQuery(rowType, filter, mode, poll, limit);
        TableStoreSource source = new TableStoreSource(table, startPoint(), query);
        boolean bounded = options.get(TableStoreOptions.SCAN_BOUNDED);
        Optional<Integer> parallelism = options.getOptional(TableStoreOptions.SCAN_PARALLELISM);
        return new DataStreamScanProvider() {
            @Override
            public DataStream<RowData> produceDataStream(ProviderContext provider,
                    StreamExecutionEnvironment environment) {
                DataStreamSource<RowData> rows =
                        environment.fromSource(source, watermarks, "tablestore " + table.name());
                provider.generateUid("source").ifPresent(rows::uid);
                parallelism.ifPresent(rows::setParallelism);
                return rows;
            }

            @Override
            public boolean isBounded() {
                return bounded;
            }

            @Override
            public Optional<Integer> getParallelism() {
                return parallelism;
            }
        };
    }

    @Override
    public LookupRuntimeProvider getLookupRuntimeProvider(LookupContext context) {
        String filter = filters.isEmpty() ? null : FilterText.all(filters);
        return LookupProviders.of(table, rowType, filter, fixed, options, context);
    }

    /** @throws ValidationException if options are missing or do not fit together */
    private StartPoint startPoint() {
        StartMode mode = options.get(TableStoreOptions.SCAN_STARTUP_MODE);
        Optional<Long> snapshot = options.getOptional(TableStoreOptions.SCAN_STARTUP_SNAPSHOT);
        Optional<String> timestamp = options.getOptional(TableStoreOptions.SCAN_STARTUP_TIMESTAMP);
        Optional<String> consumer = options.getOptional(TableStoreOptions.CONSUMER_ID);
        require(mode == StartMode.FROM_SNAPSHOT, snapshot.isPresent(),
                TableStoreOptions.SCAN_STARTUP_SNAPSHOT.key(), mode);
        require(mode == StartMode.FROM_TIMESTAMP, timestamp.isPresent(),
                TableStoreOptions.SCAN_STARTUP_TIMESTAMP.key(), mode);
        if (snapshot.isPresent() && snapshot.get() < 1) {
            throw new ValidationException(
                    "'scan.startup.snapshot' = '" + snapshot.get() + "' is no snapshot: they are counted from 1.");
        }
        if (mode == StartMode.CONSUMER_ID && consumer.isEmpty()) {
            throw new ValidationException("'scan.startup.mode' = 'consumer-id' needs the option 'consumer-id'.");
        }
        if (consumer.isPresent() && consumer.get().startsWith(TableStoreSource.ANONYMOUS)) {
            throw new ValidationException("'consumer-id' = '" + consumer.get() + "': names that begin with '"
                    + TableStoreSource.ANONYMOUS + "' are those of jobs without one. Take another.");
        }
        long expiration = options.getOptional(TableStoreOptions.CONSUMER_EXPIRATION_TIME)
                .map(Duration::toMillis)
                .orElse(-1L);
        return new StartPoint(
                mode.toString(),
                snapshot.orElse(0L),
                timestamp.map(TableStoreTableSource::millis).orElse(0L),
                consumer.orElse(null),
                expiration,
                options.get(TableStoreOptions.SCAN_BOUNDED));
    }

    private static void require(boolean needed, boolean given, String option, StartMode mode) {
        if (needed && !given) {
            throw new ValidationException("'scan.startup.mode' = '" + mode + "' needs the option '" + option + "'.");
        }
        if (given && !needed) {
            throw new ValidationException(
                    "'" + option + "' has no meaning with 'scan.startup.mode' = '" + mode
                            + "'. Leave one of them out.");
        }
    }

    private static long millis(String text) {
        if (text.strip().matches("-?[0-9]{1,15}")) {
            return Long.parseLong(text.strip());
        }
        try {
            return Instant.parse(text.strip()).toEpochMilli();
        } catch (DateTimeParseException wrong) {
            throw new ValidationException("'scan.startup.timestamp' = '" + text
                    + "' is neither milliseconds since 1970 nor a time such as 2030-01-31T12:00:00Z.");
        }
    }

    @Override
    public DynamicTableSource copy() {
        TableStoreTableSource copy = new TableStoreTableSource(table, options);
        copy.rowType = rowType;
        copy.filters = filters;
        copy.fixed = fixed;
        copy.limit = limit;
        copy.watermarks = watermarks;
        return copy;
    }

    @Override
    public String asSummaryString() {
        return "TableStore";
    }
}
