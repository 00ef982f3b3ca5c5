package org.tablestore.flink.bridge;

import java.util.StringJoiner;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.BinaryType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;

/** SQL types as the JSON of the table's types (spec §2.2, §16). */
public final class TypeMapping {
    private static final int FIXED_BINARY_MAX = 65_535;

    private TypeMapping() {}

    /**
     * The columns of a row as a JSON array of fields, with nullability.
     *
     * @throws ValidationException if a type has no form in a table; names the column
     */
    public static String columns(RowType rowType) {
        StringJoiner fields = new StringJoiner(", ", "[", "]");
        for (RowType.RowField field : rowType.getFields()) {
            fields.add(field(field.getName(), field.getType(), field.getName()));
        }
        return fields.toString();
    }

    /** The type of a column as JSON; {@code column} is named in errors. */
    public static String type(LogicalType type, String column) {
        return switch (type.getTypeRoot()) {
            case BOOLEAN -> "\"bool\"";
            case TINYINT -> "\"int8\"";
            case SMALLINT -> "\"int16\"";
            case INTEGER -> "\"int32\"";
            case BIGINT -> "\"int64\"";
            case FLOAT -> "\"float32\"";
            case DOUBLE -> "\"float64\"";
            case CHAR, VARCHAR -> "\"string\"";
            case VARBINARY -> "\"binary\"";
            case BINARY -> "\"fixed_binary(" + width((BinaryType) type, column) + ")\"";
            case DECIMAL -> "\"decimal128(" + LogicalTypeChecks.getPrecision(type) + ","
                    + LogicalTypeChecks.getScale(type) + ")\"";
            case DATE -> "\"date32\"";
            case TIME_WITHOUT_TIME_ZONE -> "\"time32(ms)\"";
            case TIMESTAMP_WITHOUT_TIME_ZONE -> "\"timestamp(" + unit(type).symbol() + ")\"";
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE -> "\"timestamp(" + unit(type).symbol() + ",UTC)\"";
            case ARRAY -> "{\"list\": " + field("element", ((ArrayType) type).getElementType(), column) + "}";
            case MAP -> map((MapType) type, column);
            case ROW -> row((RowType) type, column);
            default -> throw new ValidationException("Column '" + column + "' has type " + type.asSummaryString()
                    + ", which a TableStore table cannot hold. Use BOOLEAN, TINYINT, SMALLINT, INT, BIGINT,"
                    + " FLOAT, DOUBLE,"
                    + " DECIMAL, CHAR, VARCHAR, STRING, BINARY, VARBINARY, BYTES, DATE, TIME, TIMESTAMP,"
                    + " TIMESTAMP_LTZ,"
                    + " ARRAY, MAP or ROW.");
        };
    }

    /** The unit of a timestamp type's values. */
    public static TimeUnits unit(LogicalType type) {
        return TimeUnits.of(LogicalTypeChecks.getPrecision(type));
    }

    private static String field(String name, LogicalType type, String column) {
        return "{\"name\": " + Json.quote(name) + ", \"type\": " + type(type, column) + ", \"nullable\": "
                + type.isNullable() + "}";
    }

    private static String map(MapType type, String column) {
        String key = field("key", type.getKeyType().copy(false), column); // a null key is refused when it is written
        return "{\"map\": [" + key + ", " + field("value", type.getValueType(), column) + "]}";
    }

    private static String row(RowType type, String column) {
        if (type.getFieldCount() == 0) {
            throw new ValidationException("Column '" + column + "' has a ROW without fields.");
        }
        StringJoiner fields = new StringJoiner(", ", "{\"struct\": [", "]}");
        for (RowType.RowField field : type.getFields()) {
            fields.add(field(field.getName(), field.getType(), column));
        }
        return fields.toString();
    }

    private static int width(BinaryType type, String column) {
        if (type.getLength() < 1 || type.getLength() > FIXED_BINARY_MAX) {
            throw new ValidationException("Column '" + column + "' has type " + type.asSummaryString()
                    + ": BINARY(n) allows 1 to " + FIXED_BINARY_MAX + " bytes, use BYTES.");
        }
        return type.getLength();
    }
}
