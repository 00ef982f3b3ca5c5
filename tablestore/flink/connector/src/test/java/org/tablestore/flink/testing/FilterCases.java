package org.tablestore.flink.testing;

import java.io.BufferedWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableException;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/**
 * Says of each of some conditions which filter text the connector makes of it, and for which rows Flink finds it true.
 *
 * <p>Arguments: a file with the columns of table {@code t}; one with the options of the connector to read it;
 * one with a condition a line; where to write a line {@code text} for each, empty if Flink keeps a part of
 * it, {@code !} if it is no condition; where to write a line {@code id,digits} for each row, 1 for true, of
 * the conditions that have a text.
 */
public final class FilterCases {
    private static final int CONDITIONS_AT_ONCE = 60;

    private FilterCases() {}

    public static void main(String[] arguments) throws Exception {
        String columns = Files.readString(Path.of(arguments[0]));
        String options = Files.readString(Path.of(arguments[1]));
        Configuration configuration = new Configuration();
        configuration.setString("parallelism.default", "1");
        configuration.setString("table.local-time-zone", "UTC");
        TableEnvironment tables = TableEnvironment.create(
                EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(configuration).build());
        tables.executeSql("CREATE TABLE recorded (" + columns + ") WITH ('connector' = 'filter-recorder')");
        tables.executeSql("CREATE TABLE t (" + columns + ") WITH (" + options + ")");
        List<String> translated = new ArrayList<>();
        try (BufferedWriter out = Files.newBufferedWriter(Path.of(arguments[3]))) {
            for (String condition : Files.readAllLines(Path.of(arguments[2]))) {
                String text = text(tables, condition);
                if (text.length() > 1) {
                    translated.add(condition);
                }
                out.write(text + "\n");
            }
        }
        try (BufferedWriter out = Files.newBufferedWriter(Path.of(arguments[4]))) {
            for (int first = 0; first < translated.size(); first += CONDITIONS_AT_ONCE) {
                int last = Math.min(translated.size(), first + CONDITIONS_AT_ONCE);
                evaluate(tables, translated.subList(first, last), out);
            }
        }
    }

    private static String text(TableEnvironment tables, String condition) {
        FilterRecorderFactory.reset();
        try {
            tables.explainSql("SELECT id FROM recorded WHERE " + condition);
        } catch (ValidationException | TableException wrong) {
            return "!";
        }
        return FilterRecorderFactory.text();
    }

    private static void evaluate(TableEnvironment tables, List<String> conditions,
            BufferedWriter out) throws Exception {
        String values = String.join(", ", conditions.stream().map(each -> "(" + each + ")").toList());
        try (CloseableIterator<Row> rows = tables.executeSql("SELECT id, " + values + " FROM t").collect()) {
            while (rows.hasNext()) {
                Row row = rows.next();
                StringBuilder line = new StringBuilder().append(row.getField(0)).append(',');
                for (int index = 1; index < row.getArity(); index++) {
                    line.append(Boolean.TRUE.equals(row.getField(index)) ? '1' : '0');
                }
                out.write(line.append('\n').toString());
            }
        }
    }
}
