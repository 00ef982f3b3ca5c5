package org.tablestore.flink.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.tablestore.flink.source.FilterTextTest.Cases.call;
import static org.tablestore.flink.source.FilterTextTest.Cases.field;
import static org.tablestore.flink.source.FilterTextTest.Cases.literal;

import java.math.BigDecimal;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.expressions.CallExpression;
import org.apache.flink.table.expressions.FieldReferenceExpression;
import org.apache.flink.table.expressions.ResolvedExpression;
import org.apache.flink.table.expressions.ValueLiteralExpression;
import org.apache.flink.table.functions.BuiltInFunctionDefinition;
import org.apache.flink.table.functions.BuiltInFunctionDefinitions;
import org.apache.flink.table.types.DataType;
import org.junit.jupiter.api.Test;

/**
 * Which conditions become filter texts, and which are left to Flink. What the texts mean is tested beside
 * Flink itself.
 */
class FilterTextTest {
    private static final ResolvedExpression ID = field("id", DataTypes.BIGINT());
    private static final ResolvedExpression NAME = field("na\"me", DataTypes.STRING());
    private static final ResolvedExpression FLAG = field("flag", DataTypes.BOOLEAN());

    private static void becomes(String text, ResolvedExpression condition) {
        assertEquals(Optional.of(text), FilterText.of(condition));
    }

    private static void stays(ResolvedExpression condition) {
        assertEquals(Optional.empty(), FilterText.of(condition));
    }

    @Test
    void comparisons() {
        becomes("\"id\" = 5", call(BuiltInFunctionDefinitions.EQUALS, ID, literal(5L)));
        becomes("\"id\" > -5", call(BuiltInFunctionDefinitions.LESS_THAN, literal(-5L), ID));
        becomes("\"id\" >= 1.50",
                call(BuiltInFunctionDefinitions.GREATER_THAN_OR_EQUAL, ID, literal(new BigDecimal("1.50"))));
        becomes("\"na\"\"me\" <> 'O''Brien'", call(BuiltInFunctionDefinitions.NOT_EQUALS, NAME, literal("O'Brien")));
        becomes("\"flag\" = TRUE", call(BuiltInFunctionDefinitions.EQUALS, FLAG, literal(true)));
        stays(call(BuiltInFunctionDefinitions.EQUALS, ID, ID));
        stays(call(BuiltInFunctionDefinitions.EQUALS, ID, literal("5")));
        stays(call(BuiltInFunctionDefinitions.EQUALS, ID, literal(5.0)));
        stays(call(BuiltInFunctionDefinitions.EQUALS, NAME, literal("\uD800")));
        stays(call(BuiltInFunctionDefinitions.EQUALS, ID, new ValueLiteralExpression(null, DataTypes.BIGINT())));
    }

    @Test
    void widenedIntegers() {
        ResolvedExpression small = field("small", DataTypes.SMALLINT());
        ResolvedExpression wide = cast(small, DataTypes.BIGINT());
        becomes("\"small\" = 70000", call(BuiltInFunctionDefinitions.EQUALS, wide, literal(70_000L)));
        stays(call(BuiltInFunctionDefinitions.EQUALS, cast(ID, DataTypes.INT()), literal(5)));
        stays(call(BuiltInFunctionDefinitions.LESS_THAN, cast(ID, DataTypes.DOUBLE()), literal(5.0)));
    }

    private static ResolvedExpression cast(ResolvedExpression value, DataType type) {
        return CallExpression.permanent(BuiltInFunctionDefinitions.CAST, List.of(value), type);
    }

    @Test
    void logic() {
        ResolvedExpression equal = call(BuiltInFunctionDefinitions.EQUALS, ID, literal(5L));
        becomes("(\"flag\") AND (\"id\" = 5)", call(BuiltInFunctionDefinitions.AND, FLAG, equal));
        becomes("(\"id\" = 5) OR (NOT (\"flag\"))",
                call(BuiltInFunctionDefinitions.OR, equal, call(BuiltInFunctionDefinitions.NOT, FLAG)));
        becomes("\"id\" IS NULL", call(BuiltInFunctionDefinitions.IS_NULL, ID));
        becomes("\"id\" IS NOT NULL", call(BuiltInFunctionDefinitions.IS_NOT_NULL, ID));
        stays(ID);
        stays(call(BuiltInFunctionDefinitions.AND, FLAG, call(BuiltInFunctionDefinitions.IS_NULL, equal)));
        stays(literal(true));
    }

    @Test
    void sets() {
        becomes("\"id\" IN (1, 2)", call(BuiltInFunctionDefinitions.IN, ID, literal(1L), literal(2L)));
        becomes("\"na\"\"me\" IN ('a')", call(BuiltInFunctionDefinitions.IN, NAME, literal("a")));
        becomes("(\"id\" >= 1) AND (\"id\" <= 2)",
                call(BuiltInFunctionDefinitions.BETWEEN, ID, literal(1L), literal(2L)));
        becomes("NOT ((\"id\" >= 1) AND (\"id\" <= 2))",
                call(BuiltInFunctionDefinitions.NOT_BETWEEN, ID, literal(1L), literal(2L)));
        ResolvedExpression[] many = Collections.nCopies(FilterText.TESTS_MAX + 1, literal(1L))
                .toArray(ResolvedExpression[]::new);
        many[0] = ID;
        stays(call(BuiltInFunctionDefinitions.IN, many));
    }

    @Test
    void prefixes() {
        becomes("\"na\"\"me\" LIKE 'ab''c%'", call(BuiltInFunctionDefinitions.LIKE, NAME, literal("ab'c%")));
        for (String pattern : List.of("abc", "", "%a%", "a_%", "a\\%", "%a")) {
            stays(call(BuiltInFunctionDefinitions.LIKE, NAME, literal(pattern)));
        }
    }

    @Test
    void floatingPoint() {
        ResolvedExpression wide = field("wide", DataTypes.DOUBLE());
        ResolvedExpression narrow = field("narrow", DataTypes.FLOAT());
        becomes("\"wide\" < 1.0E+10", call(BuiltInFunctionDefinitions.LESS_THAN, wide, literal(1e10)));
        becomes("\"narrow\" > 0.10000000149011612",
                call(BuiltInFunctionDefinitions.GREATER_THAN, narrow, literal(0.1f)));
        stays(call(BuiltInFunctionDefinitions.LESS_THAN, narrow, literal(0.1)));
        stays(call(BuiltInFunctionDefinitions.EQUALS, wide, literal(1.0)));
        stays(call(BuiltInFunctionDefinitions.NOT_EQUALS, wide, literal(1.0)));
        stays(call(BuiltInFunctionDefinitions.LESS_THAN, wide, literal(Double.NaN)));
        stays(call(BuiltInFunctionDefinitions.LESS_THAN, wide, literal(Double.POSITIVE_INFINITY)));
        stays(call(BuiltInFunctionDefinitions.IN, wide, literal(1.0)));
    }

    @Test
    void times() {
        LocalDateTime moment = LocalDateTime.of(2030, 1, 31, 12, 0, 0, 120_000_000);
        ResolvedExpression day = field("d", DataTypes.DATE());
        becomes("\"d\" = DATE '0001-01-01'",
                call(BuiltInFunctionDefinitions.EQUALS, day, literal(LocalDate.of(1, 1, 1))));
        stays(call(BuiltInFunctionDefinitions.EQUALS, day, literal(LocalDate.of(10_000, 1, 1))));
        ResolvedExpression time = field("t", DataTypes.TIME(3));
        becomes("\"t\" = TIME '01:02:03.004'",
                call(BuiltInFunctionDefinitions.EQUALS, time, literal(LocalTime.of(1, 2, 3, 4_000_000))));
        stays(call(BuiltInFunctionDefinitions.EQUALS, time, literal(LocalTime.of(1, 2, 3, 4))));
        becomes("\"m\" < TIMESTAMP '2030-01-31 12:00:00.120'",
                call(BuiltInFunctionDefinitions.LESS_THAN, field("m", DataTypes.TIMESTAMP(3)), literal(moment)));
        becomes("\"u\" < TIMESTAMP '2030-01-31 12:00:00.120000'",
                call(BuiltInFunctionDefinitions.LESS_THAN, field("u", DataTypes.TIMESTAMP(4)), literal(moment)));
        stays(call(BuiltInFunctionDefinitions.LESS_THAN, field("s", DataTypes.TIMESTAMP(0)), literal(moment)));
        ResolvedExpression nanos = field("n", DataTypes.TIMESTAMP(9));
        stays(call(BuiltInFunctionDefinitions.LESS_THAN, nanos, literal(LocalDateTime.of(2300, 1, 1, 0, 0))));
        becomes("\"z\" > TIMESTAMP '1970-01-01 00:00:01Z'", call(BuiltInFunctionDefinitions.GREATER_THAN,
                field("z", DataTypes.TIMESTAMP_LTZ(0)), literal(Instant.ofEpochSecond(1))));
    }

    @Test
    void bytesAndPaddedTexts() {
        ResolvedExpression bytes = field("b", DataTypes.BYTES());
        stays(call(BuiltInFunctionDefinitions.EQUALS, bytes, literal(new byte[] {0, -1})));
        becomes("\"b\" IS NULL", call(BuiltInFunctionDefinitions.IS_NULL, bytes));
        stays(call(BuiltInFunctionDefinitions.LESS_THAN, bytes, literal(new byte[] {0, -1})));
        stays(call(BuiltInFunctionDefinitions.EQUALS, field("c", DataTypes.CHAR(3)), literal("abc")));
        stays(call(BuiltInFunctionDefinitions.EQUALS, field("c", DataTypes.BINARY(1)), literal(new byte[1])));
    }

    @Test
    void nestingHasALimit() {
        ResolvedExpression deep = FLAG;
        for (int depth = 0; depth < 40; depth++) {
            deep = call(BuiltInFunctionDefinitions.NOT, deep);
        }
        stays(deep);
    }

    /** Expressions as the planner makes them. */
    static final class Cases {
        private Cases() {}

        static ResolvedExpression field(String name, DataType type) {
            return new FieldReferenceExpression(name, type, 0, 0);
        }

        static ResolvedExpression literal(Object value) {
            return new ValueLiteralExpression(value);
        }

        static ResolvedExpression call(BuiltInFunctionDefinition function, ResolvedExpression... arguments) {
            return CallExpression.permanent(function, List.of(arguments), DataTypes.BOOLEAN());
        }
    }
}
