package org.tablestore.flink;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.catalog.ResolvedCatalogTable;
import org.apache.flink.table.catalog.UniqueConstraint;
import org.apache.flink.table.factories.DynamicTableFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.logical.RowType;
import org.tablestore.flink.bridge.TypeMapping;
import org.tablestore.flink.key.Buckets;
import org.tablestore.flink.key.KeyEncoder;

/** Reads a table's definition in SQL, and refuses what cannot work before anything is started. */
final class TableDefinition {
    private static final Pattern SCHEME = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*:/");

    private TableDefinition() {}

    /**
     * The description of the table that a statement uses.
     *
     * @throws ValidationException if it cannot work; says what to change
     */
    static TableDescription describe(DynamicTableFactory.Context context, ReadableConfig options) {
        ResolvedCatalogTable table = context.getCatalogTable();
        String name = context.getObjectIdentifier().getObjectName();
        RowType declared = (RowType) table.getResolvedSchema().toPhysicalRowDataType().getLogicalType();
        List<String> primaryKey = primaryKey(table, options, declared);
        List<String> partitionKeys = partitionKeys(table, options, declared);
        int buckets = options.get(TableStoreOptions.NUM_BUCKETS);
        if (buckets < 1 || buckets > Buckets.MAX) {
            throw new ValidationException("'num-buckets' = '" + buckets + "' is not between 1 and "
                    + Buckets.MAX + ".");
        }
        checkParallelism(options, TableStoreOptions.SCAN_PARALLELISM);
        checkParallelism(options, TableStoreOptions.SINK_PARALLELISM);
        TypeMapping.columns(declared);
        RowType rowType = withRequired(declared, primaryKey);
        new KeyEncoder(rowType, primaryKey.stream().mapToInt(rowType::getFieldIndex).toArray());
        String python = options.get(TableStoreOptions.PYTHON_EXECUTABLE);
        return new TableDescription(
                name, path(options), rowType, primaryKey, partitionKeys, buckets, tableOptions(options), python);
    }

    private static void checkParallelism(ReadableConfig options, ConfigOption<Integer> option) {
        options.getOptional(option).filter(subtasks -> subtasks < 1).ifPresent(subtasks -> {
            throw new ValidationException(
                    "'" + option.key() + "' = '" + subtasks + "' is no number of subtasks: say 1 or more, or leave it"
                            + " out.");
        });
    }

    /** Refuses options that nobody knows, with the one that may have been meant. */
    static void checkOptions(DynamicTableFactory.Context context) {
        Set<String> known = new TreeSet<>(Set.of(
                TableStoreOptions.TABLE_PATH.key(), FactoryUtil.CONNECTOR.key(), FactoryUtil.PROPERTY_VERSION.key()));
        TableStoreOptions.optional().forEach(option -> known.add(option.key()));
        for (String name : context.getCatalogTable().getOptions().keySet()) {
            if (!known.contains(name)) {
                throw new ValidationException("Table '" + context.getObjectIdentifier().getObjectName()
                        + "': unknown option '" + name + "'. Did you mean '" + Nearest.of(name, known)
                        + "'? The options are: " + String.join(", ", known) + ".");
            }
        }
    }

    /** Refuses batch execution: the connector reads and writes streams, bounded ones included. */
    static void checkStreaming(DynamicTableFactory.Context context) {
        RuntimeExecutionMode mode = context.getConfiguration().get(ExecutionOptions.RUNTIME_MODE);
        if (mode == RuntimeExecutionMode.BATCH) {
            throw new ValidationException("The connector 'tablestore' works in streaming mode alone:"
                    + " SET 'execution.runtime-mode' = 'streaming'. With the table option 'scan.bounded' ="
                    + " 'true' a query"
                    + " ends at the newest snapshot.");
        }
    }

    private static List<String> primaryKey(ResolvedCatalogTable table, ReadableConfig options, RowType rowType) {
        List<String> constraint =
                table.getResolvedSchema().getPrimaryKey().map(UniqueConstraint::getColumns).orElse(List.of());
        List<String> option = names(options, TableStoreOptions.PRIMARY_KEYS, rowType);
        List<String> agreed = agree("PRIMARY KEY", constraint, TableStoreOptions.PRIMARY_KEYS.key(), option);
        if (agreed.isEmpty()) {
            throw new ValidationException("A TableStore table needs a primary key: add PRIMARY KEY (…) NOT"
                    + " ENFORCED, or"
                    + " 'primary-keys' = '…'.");
        }
        return agreed;
    }

    private static List<String> partitionKeys(ResolvedCatalogTable table, ReadableConfig options, RowType rowType) {
        List<String> option = names(options, TableStoreOptions.PARTITION_KEYS, rowType);
        List<String> agreed = agree(
                "PARTITIONED BY", table.getPartitionKeys(), TableStoreOptions.PARTITION_KEYS.key(), option);
        for (String name : agreed) {
            if (!KeyEncoder.isAllowed(rowType.getTypeAt(rowType.getFieldIndex(name)))) {
                throw new ValidationException("Column '" + name + "' of type "
                        + rowType.getTypeAt(rowType.getFieldIndex(name)).asSummaryString()
                        + " cannot partition a table: floating point and nested types are not allowed.");
            }
        }
        return agreed;
    }

    /** Names in an option, which must be physical columns, each once. */
    private static List<String> names(ReadableConfig options, ConfigOption<String> option, RowType rowType) {
        Set<String> names = new LinkedHashSet<>();
        for (String part : options.getOptional(option).orElse("").split(",", -1)) {
            String name = part.strip();
            if (name.isEmpty()) {
                continue;
            }
            if (rowType.getFieldIndex(name) < 0) {
                throw new ValidationException("'" + option.key() + "' names the column '" + name
                        + "', which the table does not have. Its columns are: "
                        + String.join(", ", rowType.getFieldNames())
                        + ".");
            }
            if (!names.add(name)) {
                throw new ValidationException("'" + option.key() + "' names the column '" + name + "' twice.");
            }
        }
        return new ArrayList<>(names);
    }

    /** What a clause and an option say, which is the same if both say something. */
    private static List<String> agree(String clause, List<String> declared, String key, List<String> option) {
        if (!declared.isEmpty() && !option.isEmpty() && !declared.equals(option)) {
            throw new ValidationException(clause + " (" + String.join(", ", declared) + ") and '" + key + "' = '"
                    + String.join(",", option) + "' differ: the order counts, too. Change one of them or"
                    + " leave it out.");
        }
        return declared.isEmpty() ? option : declared;
    }

    /** The row type with the columns of the primary key NOT NULL. */
    private static RowType withRequired(RowType rowType, List<String> primaryKey) {
        List<RowType.RowField> fields = new ArrayList<>();
        for (RowType.RowField field : rowType.getFields()) {
            boolean required = primaryKey.contains(field.getName());
            fields.add(required ? new RowType.RowField(field.getName(), field.getType().copy(false)) : field);
        }
        return new RowType(rowType.isNullable(), fields);
    }

    /** A path that is the same on all hosts: relative ones are taken from the folder in which the client runs. */
    private static String path(ReadableConfig options) {
        String path = options.get(TableStoreOptions.TABLE_PATH);
        if (path.isBlank()) {
            throw new ValidationException("'table-path' is empty: name the folder of the table.");
        }
        if (path.contains("://")) {
            return path; // the library says what it can open
        }
        if (path.startsWith("file:/")) {
            return absolute(path.substring("file:".length()));
        }
        if (SCHEME.matcher(path).lookingAt()) {
            throw new ValidationException("'table-path' = '" + path + "' is neither a path nor a URI: write"
                    + " /folder or file:///folder.");
        }
        if (path.startsWith("~")) {
            throw new ValidationException("'table-path' = '" + path + "': no shell is there to say what '~' is."
                    + " Write the whole path.");
        }
        return absolute(path);
    }

    private static String absolute(String path) {
        try {
            return Path.of(path).toAbsolutePath().normalize().toString();
        } catch (InvalidPathException wrong) {
            throw new ValidationException("'table-path' = '" + path + "' is not a path: " + wrong.getReason() + ".");
        }
    }

    private static Map<String, String> tableOptions(ReadableConfig options) {
        Map<String, String> values = new HashMap<>();
        for (ConfigOption<String> option : TableStoreOptions.TABLE_OPTIONS) {
            options.getOptional(option).ifPresent(value -> values.put(option.key(), value));
        }
        return values;
    }
}
