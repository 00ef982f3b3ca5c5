package org.tablestore.flink.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.data.GenericMapData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;
import org.junit.jupiter.api.Test;

/** SQL types as types of a table (spec §16.6), and values that a table does not take. */
class TypeMappingTest {
    private static String json(DataType type) {
        return TypeMapping.type(type.getLogicalType(), "c");
    }

    @Test
    void scalars() {
        Map<DataType, String> expected = new HashMap<>();
        expected.put(DataTypes.BOOLEAN(), "bool");
        expected.put(DataTypes.TINYINT(), "int8");
        expected.put(DataTypes.SMALLINT(), "int16");
        expected.put(DataTypes.INT(), "int32");
        expected.put(DataTypes.BIGINT(), "int64");
        expected.put(DataTypes.FLOAT(), "float32");
        expected.put(DataTypes.DOUBLE(), "float64");
        expected.put(DataTypes.DECIMAL(38, 10), "decimal128(38,10)");
        expected.put(DataTypes.DECIMAL(5, 0), "decimal128(5,0)");
        expected.put(DataTypes.CHAR(3), "string");
        expected.put(DataTypes.VARCHAR(10), "string");
        expected.put(DataTypes.STRING(), "string");
        expected.put(DataTypes.BINARY(16), "fixed_binary(16)");
        expected.put(DataTypes.VARBINARY(16), "binary");
        expected.put(DataTypes.BYTES(), "binary");
        expected.put(DataTypes.DATE(), "date32");
        expected.put(DataTypes.TIME(0), "time32(ms)");
        expected.put(DataTypes.TIME(9), "time32(ms)");
        expected.put(DataTypes.TIMESTAMP(0), "timestamp(s)");
        expected.put(DataTypes.TIMESTAMP(1), "timestamp(ms)");
        expected.put(DataTypes.TIMESTAMP(3), "timestamp(ms)");
        expected.put(DataTypes.TIMESTAMP(6), "timestamp(us)");
        expected.put(DataTypes.TIMESTAMP(9), "timestamp(ns)");
        expected.put(DataTypes.TIMESTAMP_LTZ(3), "timestamp(ms,UTC)");
        expected.forEach((type, name) -> assertEquals('"' + name + '"', json(type), type::toString));
    }

    @Test
    void nestedTypesCarryNames() {
        assertEquals(
                "{\"list\": {\"name\": \"element\", \"type\": \"int32\", \"nullable\": false}}",
                json(DataTypes.ARRAY(DataTypes.INT().notNull())));
        assertEquals(
                "{\"map\": [{\"name\": \"key\", \"type\": \"string\", \"nullable\": false}, "
                        + "{\"name\": \"value\", \"type\": \"int64\", \"nullable\": true}]}",
                json(DataTypes.MAP(DataTypes.STRING(), DataTypes.BIGINT())));
        assertEquals(
                "{\"struct\": [{\"name\": \"a \\\"b\\\" \\\\ \\u0007é\", \"type\": \"bool\", \"nullable\": true}]}",
                json(DataTypes.ROW(DataTypes.FIELD("a \"b\" \\ \u0007é", DataTypes.BOOLEAN()))));
    }

    @Test
    void otherTypesNameTheColumn() {
        List<DataType> others = List.of(
                DataTypes.MULTISET(DataTypes.INT()),
                DataTypes.INTERVAL(DataTypes.MONTH()),
                DataTypes.NULL(),
                DataTypes.BINARY(70_000),
                DataTypes.ROW(DataTypes.FIELD("x", DataTypes.ARRAY(DataTypes.NULL()))),
                DataTypes.ROW());
        for (DataType type : others) {
            ValidationException error = assertThrows(ValidationException.class, () -> json(type));
            assertTrue(error.getMessage().contains("Column 'c'"), error.getMessage());
        }
    }

    private static String refused(DataType type, Object value) {
        BatchWriter writer = new BatchWriter((RowType) DataTypes.ROW(DataTypes.FIELD("c", type)).getLogicalType());
        var error = assertThrows(SuppressRestartsException.class, () -> writer.add(GenericRowData.of(value)));
        assertTrue(error.getCause().getMessage().contains("Column 'c'"), error.getCause().getMessage());
        return error.getCause().getMessage();
    }

    @Test
    void valuesThatTablesDoNotTake() {
        TimestampData late = TimestampData.fromEpochMillis(10_000_000_000_000L);
        assertTrue(refused(DataTypes.TIMESTAMP(9), late).contains("TIMESTAMP(6)"));
        assertTrue(refused(DataTypes.BINARY(2), new byte[3]).contains("type-length-enforcer"));
        Map<Object, Object> entries = new HashMap<>();
        entries.put(null, 1);
        assertTrue(refused(DataTypes.MAP(DataTypes.INT(), DataTypes.INT()), new GenericMapData(entries))
                .contains("null key"));
    }

    @Test
    void timestampsBeforeTheEpochAreCutDownwards() {
        TimestampData time = TimestampData.fromEpochMillis(-1, 999_999);
        assertEquals(-1, TimeUnits.SECONDS.toLong(time, "c"));
        assertEquals(-1, TimeUnits.MILLIS.toLong(time, "c"));
        assertEquals(-1, TimeUnits.MICROS.toLong(time, "c"));
        assertEquals(-1, TimeUnits.NANOS.toLong(time, "c"));
        assertEquals(time, TimeUnits.NANOS.toTimestamp(-1));
        assertEquals(TimestampData.fromEpochMillis(-1, 999_000), TimeUnits.MICROS.toTimestamp(-1));
    }
}
