package org.tablestore.flink.vectors;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.StringJoiner;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericMapData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.MapData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;
import org.tablestore.flink.bridge.TimeUnits;

/** Values as the vectors write them, as Flink's, and back as text that can be compared. */
public final class SpecValues {
    private SpecValues() {}

    /** A row of values in an array. */
    public static GenericRowData row(RowType type, JsonNode values) {
        GenericRowData row = new GenericRowData(type.getFieldCount());
        for (int index = 0; index < type.getFieldCount(); index++) {
            row.setField(index, value(type.getTypeAt(index), values.get(index)));
        }
        return row;
    }

    private static Object value(LogicalType type, JsonNode json) {
        if (json.isNull()) {
            return null;
        }
        String text = json.asText();
        return switch (type.getTypeRoot()) {
            case BOOLEAN -> json.asBoolean();
            case TINYINT -> Byte.parseByte(text);
            case SMALLINT -> Short.parseShort(text);
            case INTEGER, DATE, TIME_WITHOUT_TIME_ZONE -> Integer.parseInt(text);
            case BIGINT -> Long.parseLong(text);
            case FLOAT -> Float.intBitsToFloat(Integer.parseUnsignedInt(text, 16));
            case DOUBLE -> Double.longBitsToDouble(Long.parseUnsignedLong(text, 16));
            case DECIMAL -> DecimalData.fromBigDecimal(
                    new BigDecimal(new BigInteger(text), LogicalTypeChecks.getScale(type)),
                    LogicalTypeChecks.getPrecision(type),
                    LogicalTypeChecks.getScale(type));
            case TIMESTAMP_WITHOUT_TIME_ZONE, TIMESTAMP_WITH_LOCAL_TIME_ZONE ->
                    unit(type).toTimestamp(Long.parseLong(text));
            case CHAR, VARCHAR -> StringData.fromString(text);
            case BINARY, VARBINARY -> HexFormat.of().parseHex(text);
            case ARRAY -> array(((ArrayType) type).getElementType(), json);
            case MAP -> map((MapType) type, json);
            default -> row((RowType) type, json);
        };
    }

    private static ArrayData array(LogicalType type, JsonNode json) {
        Object[] values = new Object[json.size()];
        for (int index = 0; index < values.length; index++) {
            values[index] = value(type, json.get(index));
        }
        return new GenericArrayData(values);
    }

    private static MapData map(MapType type, JsonNode json) {
        Map<Object, Object> entries = new LinkedHashMap<>();
        for (JsonNode entry : json) {
            entries.put(value(type.getKeyType(), entry.get(0)), value(type.getValueType(), entry.get(1)));
        }
        return new GenericMapData(entries);
    }

    /** What a vector says, as text. */
    public static String show(JsonNode json) {
        if (!json.isArray()) {
            return json.isNull() ? "null" : json.asText();
        }
        StringJoiner out = new StringJoiner(", ", "[", "]");
        json.forEach(each -> out.add(show(each)));
        return out.toString();
    }

    /** A row of Flink's, as the same text. */
    public static String show(RowType type, RowData row) {
        StringJoiner out = new StringJoiner(", ", "[", "]");
        for (int index = 0; index < type.getFieldCount(); index++) {
            LogicalType field = type.getTypeAt(index);
            out.add(row.isNullAt(index)
                    ? "null"
                    : show(field, RowData.createFieldGetter(field, index).getFieldOrNull(row)));
        }
        return out.toString();
    }

    private static String show(LogicalType type, Object value) {
        return switch (type.getTypeRoot()) {
            case FLOAT -> String.format("%08x", Float.floatToRawIntBits((Float) value));
            case DOUBLE -> String.format("%016x", Double.doubleToRawLongBits((Double) value));
            case DECIMAL -> ((DecimalData) value).toBigDecimal().unscaledValue().toString();
            case TIMESTAMP_WITHOUT_TIME_ZONE, TIMESTAMP_WITH_LOCAL_TIME_ZONE ->
                    Long.toString(unit(type).toLong((TimestampData) value, ""));
            case BINARY, VARBINARY -> HexFormat.of().formatHex((byte[]) value);
            case ARRAY -> show(((ArrayType) type).getElementType(), (ArrayData) value);
            case MAP -> show((MapType) type, (MapData) value);
            case ROW -> show((RowType) type, (RowData) value);
            default -> value.toString();
        };
    }

    private static String show(LogicalType type, ArrayData array) {
        ArrayData.ElementGetter getter = ArrayData.createElementGetter(type);
        StringJoiner out = new StringJoiner(", ", "[", "]");
        for (int index = 0; index < array.size(); index++) {
            out.add(array.isNullAt(index) ? "null" : show(type, getter.getElementOrNull(array, index)));
        }
        return out.toString();
    }

    private static String show(MapType type, MapData map) {
        ArrayData.ElementGetter keys = ArrayData.createElementGetter(type.getKeyType());
        ArrayData.ElementGetter values = ArrayData.createElementGetter(type.getValueType());
        StringJoiner out = new StringJoiner(", ", "[", "]");
        for (int index = 0; index < map.size(); index++) {
            Object value = values.getElementOrNull(map.valueArray(), index);
            out.add("[" + show(type.getKeyType(), keys.getElementOrNull(map.keyArray(), index)) + ", "
                    + (value == null ? "null" : show(type.getValueType(), value)) + "]");
        }
        return out.toString();
    }

    private static TimeUnits unit(LogicalType type) {
        return TimeUnits.of(LogicalTypeChecks.getPrecision(type));
    }
}
