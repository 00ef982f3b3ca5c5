package org.tablestore.flink.source;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.flink.table.expressions.CallExpression;
import org.apache.flink.table.expressions.FieldReferenceExpression;
import org.apache.flink.table.expressions.ResolvedExpression;
import org.apache.flink.table.expressions.ValueLiteralExpression;
import org.apache.flink.table.functions.BuiltInFunctionDefinitions;
import org.apache.flink.table.functions.FunctionDefinition;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;

/**
 * A condition of a query as a filter text of the table (the grammar is in tablestore/filter/text.py), if both
 * mean exactly the same for every row, nulls included; Flink then does not look at the condition again. What
 * may differ is not translated: equality of floating point numbers (NaN, signed zeros), CHAR (padding), bytes
 * (Flink compares sets of them by identity), patterns other than a prefix, functions.
 */
public final class FilterText {
    /** Comparisons, and values of an IN, of one filter; the table allows more. */
    static final int TESTS_MAX = 400;

    private static final int DEPTH_MAX = 24;
    private static final int LENGTH_MAX = 10_000; // of one; the table takes a million characters
    private static final Map<FunctionDefinition, String> OPERATORS = Map.of(
            BuiltInFunctionDefinitions.EQUALS, "=",
            BuiltInFunctionDefinitions.NOT_EQUALS, "<>",
            BuiltInFunctionDefinitions.LESS_THAN, "<",
            BuiltInFunctionDefinitions.LESS_THAN_OR_EQUAL, "<=",
            BuiltInFunctionDefinitions.GREATER_THAN, ">",
            BuiltInFunctionDefinitions.GREATER_THAN_OR_EQUAL, ">=");
    private static final Map<String, String> MIRRORED =
            Map.of("=", "=", "<>", "<>", "<", ">", "<=", ">=", ">", "<", ">=", "<=");

    private int tests;

    private FilterText() {}

    /** The text, or nothing if there is none that is known to mean the same. */
    public static Optional<String> of(ResolvedExpression condition) {
        try {
            String text = new FilterText().text(condition, 0);
            return text.length() <= LENGTH_MAX ? Optional.of(text) : Optional.empty();
        } catch (Untranslatable different) {
            return Optional.empty();
        }
    }

    /** All of some filter texts. */
    public static String all(List<String> texts) {
        return texts.stream().map(text -> "(" + text + ")").collect(Collectors.joining(" AND "));
    }

    /** How many comparisons a text may have had: for a limit on several together. */
    public static int tests(ResolvedExpression condition) {
        FilterText counted = new FilterText();
        try {
            counted.text(condition, 0);
        } catch (Untranslatable different) {
            return 0;
        }
        return counted.tests;
    }

    private String text(ResolvedExpression condition, int depth) throws Untranslatable {
        if (depth > DEPTH_MAX) {
            throw new Untranslatable();
        }
        if (condition instanceof FieldReferenceExpression) {
            count(1);
            return isBoolean(condition) ? column(condition) : untranslatable();
        }
        if (!(condition instanceof CallExpression)) {
            return untranslatable();
        }
        FunctionDefinition function = ((CallExpression) condition).getFunctionDefinition();
        List<ResolvedExpression> arguments = condition.getResolvedChildren();
        if (function == BuiltInFunctionDefinitions.AND || function == BuiltInFunctionDefinitions.OR) {
            return joined(function == BuiltInFunctionDefinitions.AND ? " AND " : " OR ", arguments, depth);
        }
        if (function == BuiltInFunctionDefinitions.NOT) {
            return "NOT (" + text(arguments.get(0), depth + 1) + ")";
        }
        count(1);
        if (function == BuiltInFunctionDefinitions.IS_NULL) {
            return column(arguments.get(0)) + " IS NULL";
        }
        if (function == BuiltInFunctionDefinitions.IS_NOT_NULL) {
            return column(arguments.get(0)) + " IS NOT NULL";
        }
        if (function == BuiltInFunctionDefinitions.IN) {
            return among(arguments);
        }
        if (function == BuiltInFunctionDefinitions.BETWEEN) {
            return between(arguments);
        }
        if (function == BuiltInFunctionDefinitions.NOT_BETWEEN) {
            return "NOT (" + between(arguments) + ")";
        }
        if (function == BuiltInFunctionDefinitions.LIKE && arguments.size() == 2) {
            return prefix(arguments);
        }
        String operator = OPERATORS.get(function);
        return operator == null ? untranslatable() : comparison(operator, arguments.get(0), arguments.get(1));
    }

    private String joined(String word, List<ResolvedExpression> parts, int depth) throws Untranslatable {
        List<String> texts = new ArrayList<>();
        for (ResolvedExpression part : parts) {
            texts.add("(" + text(part, depth + 1) + ")");
        }
        return String.join(word, texts);
    }

    private String comparison(String operator, ResolvedExpression left,
            ResolvedExpression right) throws Untranslatable {
        if (left instanceof ValueLiteralExpression) {
            return comparison(MIRRORED.get(operator), right, left);
        }
        if (!(right instanceof ValueLiteralExpression)) {
            return untranslatable();
        }
        ResolvedExpression column = uncast(left);
        boolean equality = operator.equals("=") || operator.equals("<>");
        if (!(equality ? hasEquality(type(column)) : hasOrder(type(column)))) {
            return untranslatable();
        }
        return column(column) + " " + operator + " " + FilterLiteral.of((ValueLiteralExpression) right, type(column));
    }

    private String between(List<ResolvedExpression> arguments) throws Untranslatable {
        return "(" + comparison(">=", arguments.get(0), arguments.get(1)) + ") AND ("
                + comparison("<=", arguments.get(0), arguments.get(2)) + ")";
    }

    private String among(List<ResolvedExpression> arguments) throws Untranslatable {
        count(arguments.size());
        ResolvedExpression column = uncast(arguments.get(0));
        if (!hasEquality(type(column)) || isBoolean(column)) {
            return untranslatable();
        }
        List<String> values = new ArrayList<>();
        for (ResolvedExpression value : arguments.subList(1, arguments.size())) {
            if (!(value instanceof ValueLiteralExpression)) {
                return untranslatable();
            }
            values.add(FilterLiteral.of((ValueLiteralExpression) value, type(column)));
        }
        return column(column) + " IN (" + String.join(", ", values) + ")";
    }

    /** LIKE 'text%' without other wildcards and without escapes. */
    private static String prefix(List<ResolvedExpression> arguments) throws Untranslatable {
        if (type(arguments.get(0)).getTypeRoot() != LogicalTypeRoot.VARCHAR
                || !(arguments.get(1) instanceof ValueLiteralExpression)) {
            return untranslatable();
        }
        String pattern = FilterLiteral.text((ValueLiteralExpression) arguments.get(1));
        boolean plain = pattern.chars().limit(Math.max(0, pattern.length() - 1)).noneMatch(c -> "%_\\".indexOf(c) >= 0);
        if (!plain || !pattern.endsWith("%")) {
            return untranslatable();
        }
        return column(arguments.get(0)) + " LIKE " + FilterLiteral.quoted(pattern);
    }

    /** An integer column that the planner has widened: that changes no comparison. */
    private static ResolvedExpression uncast(ResolvedExpression value) {
        if (value instanceof CallExpression
                && ((CallExpression) value).getFunctionDefinition() == BuiltInFunctionDefinitions.CAST) {
            ResolvedExpression inner = value.getResolvedChildren().get(0);
            int from = width(type(inner));
            if (inner instanceof FieldReferenceExpression && from > 0 && from <= width(type(value))) {
                return inner;
            }
        }
        return value;
    }

    private static int width(LogicalType type) {
        return switch (type.getTypeRoot()) {
            case TINYINT -> 1;
            case SMALLINT -> 2;
            case INTEGER -> 4;
            case BIGINT -> 8;
            default -> 0;
        };
    }

    private static boolean hasEquality(LogicalType type) {
        return switch (type.getTypeRoot()) {
            case BOOLEAN -> true;
            case FLOAT, DOUBLE -> false;
            default -> hasOrder(type);
        };
    }

    private static boolean hasOrder(LogicalType type) {
        return switch (type.getTypeRoot()) {
            case TINYINT, SMALLINT, INTEGER, BIGINT, FLOAT, DOUBLE, DECIMAL, VARCHAR, DATE, TIME_WITHOUT_TIME_ZONE,
                    TIMESTAMP_WITHOUT_TIME_ZONE, TIMESTAMP_WITH_LOCAL_TIME_ZONE -> true;
            default -> false;
        };
    }

    private static boolean isBoolean(ResolvedExpression value) {
        return type(value).getTypeRoot() == LogicalTypeRoot.BOOLEAN;
    }

    private static LogicalType type(ResolvedExpression value) {
        return value.getOutputDataType().getLogicalType();
    }

    private static String column(ResolvedExpression value) throws Untranslatable {
        if (!(value instanceof FieldReferenceExpression)) {
            return untranslatable();
        }
        return '"' + ((FieldReferenceExpression) value).getName().replace("\"", "\"\"") + '"';
    }

    private void count(int more) throws Untranslatable {
        tests += more;
        if (tests > TESTS_MAX) {
            throw new Untranslatable();
        }
    }

    static String untranslatable() throws Untranslatable {
        throw new Untranslatable();
    }

    /** There is no filter text that is known to mean the same. */
    static final class Untranslatable extends Exception {
        private static final long serialVersionUID = 1L;

        Untranslatable() {
            super(null, null, false, false);
        }
    }
}
