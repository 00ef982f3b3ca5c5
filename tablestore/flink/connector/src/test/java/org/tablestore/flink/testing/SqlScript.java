package org.tablestore.flink.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/**
 * Runs the statements of a file one after the other, in this process or on a cluster, and prints the rows of queries
 * with their kinds. Arguments: the file, then settings as {@code key=value}.
 */
public final class SqlScript {
    private SqlScript() {}

    public static void main(String[] arguments) throws Exception {
        Configuration settings = new Configuration();
        for (int index = 1; index < arguments.length; index++) {
            int equals = arguments[index].indexOf('=');
            settings.setString(arguments[index].substring(0, equals), arguments[index].substring(equals + 1));
        }
        TableEnvironment environment = TableEnvironment.create(
                EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(settings).build());
        for (String statement : Files.readString(Path.of(arguments[0])).split(";\\s*(\n|$)")) {
            if (!statement.isBlank()) {
                run(environment, statement.strip());
            }
        }
    }

    private static void run(TableEnvironment environment, String statement) throws Exception {
        TableResult result = environment.executeSql(statement);
        if (statement.startsWith("SELECT")) {
            try (CloseableIterator<Row> rows = result.collect()) {
                rows.forEachRemaining(System.out::println);
            }
        } else {
            result.await();
        }
    }
}
