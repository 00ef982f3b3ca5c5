package org.tablestore.flink.vectors;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.BinaryType;
import org.apache.flink.table.types.logical.BooleanType;
import org.apache.flink.table.types.logical.DateType;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.DoubleType;
import org.apache.flink.table.types.logical.FloatType;
import org.apache.flink.table.types.logical.IntType;
import org.apache.flink.table.types.logical.LocalZonedTimestampType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.SmallIntType;
import org.apache.flink.table.types.logical.TimeType;
import org.apache.flink.table.types.logical.TimestampType;
import org.apache.flink.table.types.logical.TinyIntType;
import org.apache.flink.table.types.logical.VarBinaryType;
import org.apache.flink.table.types.logical.VarCharType;

/** SQL types of the types of a table (spec §16.6); empty for those that SQL does not have. */
public final class SpecTypes {
    private static final Pattern ARGUMENTS = Pattern.compile("([a-z_0-9]+)\\(([^,)]+)(?:,([^)]*))?\\)");
    private static final List<String> UNITS = List.of("s", "ms", "us", "ns");

    private static final Pattern FOREIGN =
            Pattern.compile("\"(uint(8|16|32|64)|time64\\((us|ns)\\)|time32\\(s\\))\"");

    private SpecTypes() {}

    /** Whether a type, or a part of it, is one that SQL does not have. */
    public static boolean isForeign(String json) {
        return FOREIGN.matcher(json).find();
    }

    /** The type of rows with these fields. */
    public static Optional<RowType> row(JsonNode fields) {
        List<RowType.RowField> made = new ArrayList<>();
        for (JsonNode field : fields) {
            Optional<LogicalType> type = field(field);
            if (type.isEmpty()) {
                return Optional.empty();
            }
            made.add(new RowType.RowField(field.get("name").asText(), type.get()));
        }
        return Optional.of(new RowType(false, made));
    }

    /** The type of rows of these types without names, all NOT NULL. */
    public static Optional<RowType> tuple(JsonNode types) {
        List<RowType.RowField> made = new ArrayList<>();
        for (JsonNode type : types) {
            Optional<LogicalType> found = type(type);
            if (found.isEmpty()) {
                return Optional.empty();
            }
            made.add(new RowType.RowField("f" + made.size(), found.get().copy(false)));
        }
        return Optional.of(new RowType(false, made));
    }

    private static Optional<LogicalType> field(JsonNode field) {
        return type(field.get("type")).map(type -> type.copy(field.get("nullable").asBoolean()));
    }

    private static Optional<LogicalType> type(JsonNode type) {
        if (type.isTextual()) {
            return Optional.ofNullable(scalar(type.asText()));
        }
        if (type.has("list")) {
            return field(type.get("list")).map(ArrayType::new);
        }
        if (type.has("struct")) {
            return row(type.get("struct")).map(LogicalType.class::cast);
        }
        JsonNode map = type.get("map");
        return field(map.get(0)).flatMap(key -> field(map.get(1)).map(value -> new MapType(key, value)));
    }

    private static LogicalType scalar(String name) {
        return switch (name) {
            case "bool" -> new BooleanType();
            case "int8" -> new TinyIntType();
            case "int16" -> new SmallIntType();
            case "int32" -> new IntType();
            case "int64" -> new BigIntType();
            case "float32" -> new FloatType();
            case "float64" -> new DoubleType();
            case "date32" -> new DateType();
            case "time32(ms)" -> new TimeType(3);
            case "string" -> new VarCharType(VarCharType.MAX_LENGTH);
            case "binary" -> new VarBinaryType(VarBinaryType.MAX_LENGTH);
            default -> withArguments(name);
        };
    }

    private static LogicalType withArguments(String name) {
        Matcher found = ARGUMENTS.matcher(name);
        if (!found.matches()) {
            return null;
        }
        String first = found.group(2);
        return switch (found.group(1)) {
            case "fixed_binary" -> new BinaryType(Integer.parseInt(first));
            case "decimal128" -> decimal(Integer.parseInt(first), Integer.parseInt(found.group(3)));
            case "timestamp" -> found.group(3) == null
                    ? new TimestampType(3 * UNITS.indexOf(first))
                    : new LocalZonedTimestampType(3 * UNITS.indexOf(first));
            default -> null;
        };
    }

    private static LogicalType decimal(int precision, int scale) {
        return scale < 0 || scale > precision ? null : new DecimalType(precision, scale);
    }
}
