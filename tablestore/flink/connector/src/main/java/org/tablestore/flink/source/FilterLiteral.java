package org.tablestore.flink.source;

import java.math.BigDecimal;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import org.apache.flink.table.expressions.ValueLiteralExpression;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;
import org.tablestore.flink.source.FilterText.Untranslatable;

/** Literals of a query as literals of a filter text, as values of a column's type. */
final class FilterLiteral {
    private static final int[] UNIT_DIGITS = {0, 3, 3, 3, 6, 6, 6, 9, 9, 9};
    private static final int[] NANOS_PER_UNIT = {
        1_000_000_000, 1_000_000, 1_000_000, 1_000_000, 1_000, 1_000, 1_000, 1, 1, 1
    };
    private static final int YEAR_MAX = 9999;
    private static final int NANOS_YEAR_MIN = 1678;
    private static final int NANOS_YEAR_MAX = 2261;

    private FilterLiteral() {}

    /** The literal as a value that a column of `type` can be compared with, exactly. */
    static String of(ValueLiteralExpression literal, LogicalType type) throws Untranslatable {
        if (literal.isNull()) {
            return FilterText.untranslatable();
        }
        return switch (type.getTypeRoot()) {
            case BOOLEAN -> value(literal, Boolean.class) ? "TRUE" : "FALSE";
            case TINYINT, SMALLINT, INTEGER, BIGINT, DECIMAL -> number(literal);
            case FLOAT, DOUBLE -> floating(literal, type);
            case VARCHAR -> quoted(text(literal));
            case DATE -> "DATE '" + date(value(literal, LocalDate.class)) + "'";
            case TIME_WITHOUT_TIME_ZONE -> "TIME '" + time(value(literal, LocalTime.class), 3) + "'";
            case TIMESTAMP_WITHOUT_TIME_ZONE ->
                    "TIMESTAMP '" + timestamp(value(literal, LocalDateTime.class), type) + "'";
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE -> "TIMESTAMP '"
                    + timestamp(LocalDateTime.ofInstant(value(literal, Instant.class), ZoneOffset.UTC), type) + "Z'";
            default -> FilterText.untranslatable();
        };
    }

    /** A character literal. One of type CHAR ends where its text does: it is compared with a VARCHAR. */
    static String text(ValueLiteralExpression literal) throws Untranslatable {
        LogicalTypeRoot root = literal.getOutputDataType().getLogicalType().getTypeRoot();
        if (root != LogicalTypeRoot.CHAR && root != LogicalTypeRoot.VARCHAR) {
            return FilterText.untranslatable();
        }
        String text = value(literal, String.class);
        boolean paired = text.codePoints().noneMatch(point -> point >= 0xD800 && point <= 0xDFFF);
        return paired ? text : FilterText.untranslatable();
    }

    static String quoted(String text) {
        return "'" + text.replace("'", "''") + "'";
    }

    private static String number(ValueLiteralExpression literal) throws Untranslatable {
        return switch (literal.getOutputDataType().getLogicalType().getTypeRoot()) {
            case TINYINT, SMALLINT, INTEGER, BIGINT, DECIMAL -> value(literal, BigDecimal.class).toPlainString();
            default -> FilterText.untranslatable();
        };
    }

    /** A finite number of the very type of the column: the shortest text that is read as the same number. */
    private static String floating(ValueLiteralExpression literal, LogicalType type) throws Untranslatable {
        if (literal.getOutputDataType().getLogicalType().getTypeRoot() != type.getTypeRoot()) {
            return FilterText.untranslatable();
        }
        double number = type.getTypeRoot() == LogicalTypeRoot.FLOAT
                ? value(literal, Float.class)
                : value(literal, Double.class);
        return Double.isFinite(number) ? new BigDecimal(Double.toString(number)).toString()
                : FilterText.untranslatable();
    }

    private static String date(LocalDate date) throws Untranslatable {
        return date.getYear() >= 1 && date.getYear() <= YEAR_MAX ? date.toString() : FilterText.untranslatable();
    }

    private static String timestamp(LocalDateTime timestamp, LogicalType type) throws Untranslatable {
        int precision = LogicalTypeChecks.getPrecision(type);
        int year = timestamp.getYear();
        boolean nanos = UNIT_DIGITS[precision] == 9;
        boolean exact = timestamp.getNano() % NANOS_PER_UNIT[precision] == 0;
        if (!exact || (nanos && (year < NANOS_YEAR_MIN || year > NANOS_YEAR_MAX))) {
            return FilterText.untranslatable();
        }
        return date(timestamp.toLocalDate()) + " " + time(timestamp.toLocalTime(), UNIT_DIGITS[precision]);
    }

    /** With a fraction of so many digits, none of which is cut off. */
    private static String time(LocalTime time, int digits) throws Untranslatable {
        String fraction = String.format("%09d", time.getNano());
        if (!fraction.substring(digits).chars().allMatch(digit -> digit == '0')) {
            return FilterText.untranslatable();
        }
        String whole = String.format("%02d:%02d:%02d", time.getHour(), time.getMinute(), time.getSecond());
        return digits == 0 ? whole : whole + "." + fraction.substring(0, digits);
    }

    private static <T> T value(ValueLiteralExpression literal, Class<T> type) throws Untranslatable {
        return literal.getValueAs(type).orElseThrow(Untranslatable::new);
    }
}
