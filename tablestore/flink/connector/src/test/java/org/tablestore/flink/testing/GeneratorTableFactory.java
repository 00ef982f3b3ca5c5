package org.tablestore.flink.testing;

import java.util.List;
import java.util.Set;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.source.DataStreamScanProvider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.RowKind;

/** {@code 'connector' = 'tsgen'}: a table of generated rows, see {@link GeneratedRows} for its columns. */
public final class GeneratorTableFactory implements DynamicTableSourceFactory {
    static final ConfigOption<Long> ROWS =
            ConfigOptions.key("rows").longType().noDefaultValue().withDescription("of all splits");
    static final ConfigOption<Long> KEYS =
            ConfigOptions.key("keys").longType().noDefaultValue().withDescription("distinct keys, at most");
    static final ConfigOption<Integer> SPLITS =
            ConfigOptions.key("splits").intType().defaultValue(4).withDescription("independent sequences");
    static final ConfigOption<Long> SEED = ConfigOptions.key("seed").longType().defaultValue(1L);
    static final ConfigOption<Boolean> ONCE = ConfigOptions.key("once")
            .booleanType()
            .defaultValue(false)
            .withDescription("every key once per pass rather than keys at random");
    static final ConfigOption<Double> DELETES =
            ConfigOptions.key("deletes").doubleType().defaultValue(0.0).withDescription("share of deletions");
    static final ConfigOption<Boolean> UPDATES =
            ConfigOptions.key("updates").booleanType().defaultValue(false).withDescription("+U, not +I");
    static final ConfigOption<Double> ROWS_PER_SECOND =
            ConfigOptions.key("rows-per-second").doubleType().defaultValue(0.0).withDescription("0: all");
    static final ConfigOption<String> GATE = ConfigOptions.key("gate")
            .stringType()
            .defaultValue("")
            .withDescription("a file: until it exists rows have their rate, and the last ones wait");

    @Override
    public String factoryIdentifier() {
        return "tsgen";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(ROWS, KEYS);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of(SPLITS, SEED, ONCE, DELETES, UPDATES, ROWS_PER_SECOND, GATE);
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validate();
        ReadableConfig options = helper.getOptions();
        int splits = options.get(SPLITS);
        if (options.get(KEYS) % splits != 0 || options.get(ROWS) % splits != 0) {
            throw new ValidationException("'rows' and 'keys' must be multiples of 'splits'");
        }
        return new GeneratorTable(context.getPhysicalRowDataType(), options);
    }

    private record GeneratorTable(DataType physical, ReadableConfig options) implements ScanTableSource {
        @Override
        public ChangelogMode getChangelogMode() {
            if (!options.get(UPDATES) && options.get(DELETES) == 0) {
                return ChangelogMode.insertOnly();
            }
            return ChangelogMode.newBuilder()
                    .addContainedKind(RowKind.INSERT)
                    .addContainedKind(RowKind.UPDATE_AFTER)
                    .addContainedKind(RowKind.DELETE)
                    .build();
        }

        @Override
        public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
            TypeInformation<RowData> type = context.createTypeInformation(physical);
            long steps = options.get(ROWS) / options.get(SPLITS);
            GeneratorSource source = new GeneratorSource(
                    rows(), steps, options.get(ROWS_PER_SECOND), options.get(GATE), type);
            return new DataStreamScanProvider() {
                @Override
                public DataStream<RowData> produceDataStream(
                        ProviderContext provider, StreamExecutionEnvironment environment) {
                    WatermarkStrategy<RowData> none = WatermarkStrategy.noWatermarks();
                    SingleOutputStreamOperator<RowData> stream =
                            environment.fromSource(source, none, "tsgen", type);
                    provider.generateUid("tsgen").ifPresent(stream::uid);
                    return stream;
                }

                @Override
                public boolean isBounded() {
                    return true;
                }
            };
        }

        private GeneratedRows rows() {
            RowType type = (RowType) physical.getLogicalType();
            List<GeneratedRows.Column> columns =
                    type.getFieldNames().stream().map(GeneratedRows.Column::valueOf).toList();
            int id = type.getFieldNames().indexOf("id");
            boolean textKey = id >= 0 && type.getTypeAt(id).is(LogicalTypeRoot.VARCHAR);
            return new GeneratedRows(
                    columns,
                    textKey,
                    options.get(ONCE),
                    options.get(UPDATES),
                    options.get(SPLITS),
                    options.get(KEYS),
                    options.get(SEED),
                    options.get(DELETES));
        }

        @Override
        public DynamicTableSource copy() {
            return this;
        }

        @Override
        public String asSummaryString() {
            return "tsgen";
        }
    }
}
