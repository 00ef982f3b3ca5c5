package org.tablestore.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.catalog.CatalogTable;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ObjectIdentifier;
import org.apache.flink.table.catalog.ResolvedCatalogTable;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.catalog.UniqueConstraint;
import org.apache.flink.table.expressions.CallExpression;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.functions.BuiltInFunctionDefinitions;
import org.apache.flink.table.types.DataType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a definition in SQL becomes, and what is refused before anything is started. */
class TableDefinitionTest {
    private final List<Column> columns = new ArrayList<>(List.of(
            Column.physical("id", DataTypes.STRING().notNull()),
            Column.physical("name", DataTypes.STRING()),
            Column.physical("age", DataTypes.INT()),
            Column.physical("salary", DataTypes.DOUBLE()),
            Column.physical("department", DataTypes.STRING())));
    private final Map<String, String> options =
            new HashMap<>(Map.of("connector", "tablestore", "table-path", "/tables/users"));
    private final Configuration session = new Configuration();
    private List<String> primaryKey = List.of("id");
    private List<String> partitionedBy = List.of();

    /** The description that the factory would use; the whole way through Flink's own checks. */
    private TableDescription describe() {
        UniqueConstraint key = primaryKey.isEmpty() ? null : UniqueConstraint.primaryKey("pk", primaryKey);
        ResolvedSchema schema = new ResolvedSchema(columns, List.of(), key, List.of());
        CatalogTable table = CatalogTable.newBuilder()
                .schema(Schema.newBuilder().fromResolvedSchema(schema).build())
                .partitionKeys(partitionedBy)
                .options(options)
                .build();
        ObjectIdentifier name = ObjectIdentifier.of("default_catalog", "default_database", "users");
        ResolvedCatalogTable resolved = new ResolvedCatalogTable(table, schema);
        ClassLoader loader = getClass().getClassLoader();
        FactoryUtil.createDynamicTableSource(null, name, resolved, Map.of(), session, loader, false);
        FactoryUtil.createDynamicTableSink(null, name, resolved, Map.of(), session, loader, false);
        var context = new FactoryUtil.DefaultDynamicTableContext(name, resolved, Map.of(), session, loader, false);
        var helper = FactoryUtil.createTableFactoryHelper(new TableStoreDynamicTableFactory(), context);
        return TableDefinition.describe(context, helper.getOptions());
    }

    private String refusal() {
        Throwable error = assertThrows(ValidationException.class, this::describe);
        StringBuilder messages = new StringBuilder();
        for (; error != null; error = error.getCause()) {
            messages.append(error.getMessage()).append('\n');
        }
        return messages.toString();
    }

    private void assertRefused(String... parts) {
        String refusal = refusal();
        for (String part : parts) {
            assertTrue(refusal.contains(part), refusal);
        }
    }

    @Test
    void theClausesOfSqlAreEnough() {
        partitionedBy = List.of("department");
        TableDescription table = describe();
        assertEquals("users", table.name());
        assertEquals("/tables/users", table.path());
        assertEquals(List.of("id"), table.primaryKey());
        assertEquals(List.of("department"), table.partitionKeys());
        assertEquals(4, table.buckets());
        assertEquals("python3", table.python());
        assertEquals(Map.of(), table.tableOptions());
        assertEquals(0, table.keyIndexes()[0]);
    }

    @ParameterizedTest
    @CsvSource({"/a/../b,/b", "file:/a/b,/a/b", "file:///a/b,file:///a/b", "s3://a/b,s3://a/b"})
    void pathsAreTheSameOnAllHosts(String path, String expected) {
        options.put("table-path", path);
        assertEquals(expected, describe().path());
    }

    @Test
    void aRelativePathBeginsWhereTheClientRuns() {
        options.put("table-path", "a/b");
        assertEquals(System.getProperty("user.dir") + "/a/b", describe().path());
    }

    /** Neither becomes a folder of a strange name in the folder of the client. */
    @ParameterizedTest
    @CsvSource({"s3:/a/b,nor a URI", "hdfs:/a,nor a URI", "~/tables,Write the whole path", "~,Write the whole path"})
    void pathsThatAreMeantOtherwiseAreRefused(String path, String part) {
        options.put("table-path", path);
        assertRefused("'table-path' = '" + path + "'", part);
    }

    @ParameterizedTest
    @CsvSource({"scan.parallelism,0", "sink.parallelism,0", "sink.parallelism,-1", "scan.startup.snapshot,0"})
    void numbersThatCountNothingAreRefused(String name, String value) {
        options.put("scan.startup.mode", name.endsWith("snapshot") ? "from-snapshot" : "latest");
        options.put(name, value);
        assertRefused("'" + name + "' = '" + value + "' is no ");
    }

    @Test
    void theOptionsAreEnough() {
        primaryKey = List.of();
        options.put("primary-keys", "department, age");
        options.put("partition-keys", "department");
        options.put("num-buckets", "16");
        TableDescription table = describe();
        assertEquals(List.of("department", "age"), table.primaryKey());
        assertEquals(List.of("department"), table.partitionKeys());
        assertEquals(16, table.buckets());
        assertFalse(table.rowType().getTypeAt(2).isNullable(), "keys are never null");
        assertFalse(table.rowType().getTypeAt(4).isNullable(), "keys are never null");
        assertTrue(table.rowType().getTypeAt(1).isNullable());
    }

    @Test
    void clausesAndOptionsThatSayTheSameAgree() {
        partitionedBy = List.of("department");
        options.put("primary-keys", "id");
        options.put("partition-keys", " department ");
        assertEquals(List.of("id"), describe().primaryKey());
    }

    @Test
    void clausesAndOptionsThatDiffer() {
        options.put("primary-keys", "name");
        assertRefused("PRIMARY KEY (id)", "'primary-keys' = 'name'");
        options.remove("primary-keys");
        partitionedBy = List.of("department");
        options.put("partition-keys", "age");
        assertRefused("PARTITIONED BY (department)", "'partition-keys' = 'age'");
    }

    @Test
    void aKeyIsNeeded() {
        primaryKey = List.of();
        assertRefused("PRIMARY KEY (…) NOT ENFORCED", "'primary-keys'");
    }

    @Test
    void columnsInOptionsMustBeThereAndOnce() {
        options.put("partition-keys", "departement");
        assertRefused("'departement'", "id, name, age, salary, department");
        options.put("partition-keys", "age,age");
        assertRefused("'age' twice");
    }

    @ParameterizedTest
    @CsvSource({
        "table-pth,table-path",
        "primary-key,primary-keys",
        "buckets,num-buckets",
        "scan.startup.mod,scan.startup.mode",
        "compaction.triger,compaction.trigger",
        "lookup.cash,lookup.cache"
    })
    void unknownOptionsNameTheNearest(String wrong, String meant) {
        options.put(wrong, "1");
        assertRefused("unknown option '" + wrong + "'", "Did you mean '" + meant + "'?");
    }

    @Test
    void allOptionsThatAreDocumentedAreTaken() {
        TableStoreOptions.TABLE_OPTIONS.forEach(option -> options.put(option.key(), "8"));
        options.put("lookup.cache", "PARTIAL");
        options.put("lookup.partial-cache.max-rows", "1000");
        options.put("scan.watermark.idle-timeout", "1 s");
        options.put("sink.parallelism", "3");
        TableDescription table = describe();
        assertEquals(TableStoreOptions.TABLE_OPTIONS.size(), table.tableOptions().size());
        assertEquals("8", table.tableOptions().get("compaction.trigger"));
    }

    @ParameterizedTest
    @CsvSource({"0", "-1", "65537"})
    void bucketsHaveARange(String buckets) {
        options.put("num-buckets", buckets);
        assertRefused("'num-buckets' = '" + buckets + "'", "between 1 and 65536");
    }

    @Test
    void aPathIsNeeded() {
        options.remove("table-path");
        assertRefused("table-path");
        options.put("table-path", " ");
        assertRefused("'table-path' is empty");
    }

    @Test
    void relativePathsAreThoseOfTheClient() {
        options.put("table-path", "tables/../users");
        assertEquals(System.getProperty("user.dir") + "/users", describe().path());
        options.put("table-path", "file:///tables/users");
        assertEquals("file:///tables/users", describe().path());
    }

    @Test
    void batchModeSaysWhatToSet() {
        session.set(ExecutionOptions.RUNTIME_MODE, RuntimeExecutionMode.BATCH);
        assertRefused("SET 'execution.runtime-mode' = 'streaming'");
    }

    @Test
    void typesThatTablesLackNameTheColumn() {
        columns.add(Column.physical("spell", DataTypes.INTERVAL(DataTypes.DAY())));
        assertRefused("Column 'spell'", "INTERVAL DAY", "ARRAY, MAP or ROW");
        columns.set(5, Column.physical("bag", DataTypes.ARRAY(DataTypes.MULTISET(DataTypes.INT()))));
        assertRefused("Column 'bag'", "MULTISET");
    }

    @Test
    void floatsAndNestedTypesAreNoKeys() {
        for (DataType type : List.of(DataTypes.DOUBLE(), DataTypes.FLOAT(), DataTypes.ARRAY(DataTypes.INT()))) {
            columns.set(0, Column.physical("id", type.notNull()));
            assertRefused("Column 'id'", "primary key");
        }
        columns.set(0, Column.physical("id", DataTypes.STRING().notNull()));
        options.put("partition-keys", "salary");
        assertRefused("Column 'salary'", "partition");
    }

    @Test
    void columnsThatAreComputedAreNotStored() {
        columns.add(Column.computed(
                "twice",
                CallExpression.permanent(BuiltInFunctionDefinitions.CURRENT_TIMESTAMP, List.of(), DataTypes.INT())));
        assertEquals(List.of("id", "name", "age", "salary", "department"), describe().rowType().getFieldNames());
    }

    @Test
    void distanceCountsChanges() {
        assertEquals(0, Nearest.distance("abc", "abc"));
        assertEquals(3, Nearest.distance("", "abc"));
        assertEquals(2, Nearest.distance("primary-kay", "primary-keys"));
        assertEquals("b", Nearest.of("b", List.of("a", "b", "c")));
    }
}
