package org.tablestore.flink.bridge;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericMapData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.BinaryType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;

/** Rows of any type, from a seed. */
final class RandomRows {
    private static final List<DataType> SCALARS = List.of(
            DataTypes.BOOLEAN(), DataTypes.TINYINT(), DataTypes.SMALLINT(), DataTypes.INT(), DataTypes.BIGINT(),
            DataTypes.FLOAT(), DataTypes.DOUBLE(), DataTypes.DECIMAL(9, 2), DataTypes.DECIMAL(38, 5),
            DataTypes.STRING(), DataTypes.BYTES(), DataTypes.BINARY(3), DataTypes.DATE(), DataTypes.TIME(),
            DataTypes.TIMESTAMP(0), DataTypes.TIMESTAMP(3), DataTypes.TIMESTAMP(6), DataTypes.TIMESTAMP(9),
            DataTypes.TIMESTAMP_LTZ(3), DataTypes.TIMESTAMP_LTZ(9));
    private static final String[] TEXTS = {"", "a", "plain", "grüße", "☃", "𝄞 and more", "\u0000\u0001"};
    private static final int DEPTH_MAX = 3;

    private final Random random;

    RandomRows(long seed) {
        random = new Random(seed);
    }

    RowType rowType() {
        return row(0, 1 + random.nextInt(5));
    }

    GenericRowData row(RowType type) {
        GenericRowData row = new GenericRowData(type.getFieldCount());
        for (int index = 0; index < type.getFieldCount(); index++) {
            row.setField(index, value(type.getTypeAt(index)));
        }
        return row;
    }

    private RowType row(int depth, int fields) {
        List<RowType.RowField> made = new ArrayList<>();
        for (int index = 0; index < fields; index++) {
            made.add(new RowType.RowField("f" + index, type(depth)));
        }
        return new RowType(made);
    }

    private LogicalType type(int depth) {
        boolean nullable = random.nextInt(3) > 0;
        LogicalType type = switch (depth >= DEPTH_MAX ? 9 : random.nextInt(10)) {
            case 0 -> new ArrayType(type(depth + 1));
            case 1 -> new MapType(scalar().copy(false), type(depth + 1));
            case 2 -> row(depth + 1, 1 + random.nextInt(3));
            default -> scalar();
        };
        return type.copy(nullable);
    }

    private LogicalType scalar() {
        return SCALARS.get(random.nextInt(SCALARS.size())).getLogicalType();
    }

    private Object value(LogicalType type) {
        if (type.isNullable() && random.nextInt(4) == 0) {
            return null;
        }
        return switch (type.getTypeRoot()) {
            case BOOLEAN -> random.nextBoolean();
            case TINYINT -> (byte) random.nextInt();
            case SMALLINT -> (short) random.nextInt();
            case INTEGER, DATE -> random.nextInt();
            case TIME_WITHOUT_TIME_ZONE -> random.nextInt(86_400_000);
            case BIGINT -> random.nextLong();
            case FLOAT -> random.nextFloat();
            case DOUBLE -> random.nextGaussian();
            case DECIMAL -> decimal(type);
            case TIMESTAMP_WITHOUT_TIME_ZONE, TIMESTAMP_WITH_LOCAL_TIME_ZONE ->
                    TypeMapping.unit(type).toTimestamp(random.nextLong() >> 20);
            case VARCHAR -> StringData.fromString(TEXTS[random.nextInt(TEXTS.length)]);
            case BINARY -> bytes(((BinaryType) type).getLength());
            case VARBINARY -> bytes(random.nextInt(9));
            case ARRAY -> array(((ArrayType) type).getElementType());
            case MAP -> map((MapType) type);
            default -> row((RowType) type);
        };
    }

    private DecimalData decimal(LogicalType type) {
        int precision = LogicalTypeChecks.getPrecision(type);
        int scale = LogicalTypeChecks.getScale(type);
        BigInteger unscaled = new BigInteger(random.nextInt(126), random).mod(BigInteger.TEN.pow(precision));
        BigInteger signed = random.nextBoolean() ? unscaled : unscaled.negate();
        return DecimalData.fromBigDecimal(new BigDecimal(signed, scale), precision, scale);
    }

    private byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    private GenericArrayData array(LogicalType type) {
        Object[] values = new Object[random.nextInt(4)];
        for (int index = 0; index < values.length; index++) {
            values[index] = value(type);
        }
        return new GenericArrayData(values);
    }

    private GenericMapData map(MapType type) {
        Map<Object, Object> entries = new LinkedHashMap<>();
        for (int index = random.nextInt(3); index > 0; index--) {
            entries.put(value(type.getKeyType()), value(type.getValueType()));
        }
        return new GenericMapData(entries);
    }
}
