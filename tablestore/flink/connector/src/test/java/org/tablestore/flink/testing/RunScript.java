package org.tablestore.flink.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;

/**
 * Runs a SQL script in this process, in streaming mode, and says how long each INSERT took. SET statements hold for the
 * whole script; statements end with a semicolon at the end of a line.
 */
public final class RunScript {
    private static final Pattern SET = Pattern.compile("(?is)SET\\s+'([^']+)'\\s*=\\s*'([^']*)'");

    private RunScript() {}

    /** @param arguments the path of the script */
    public static void main(String[] arguments) throws Exception {
        Configuration configuration = new Configuration();
        List<String> statements = new ArrayList<>();
        for (String part : Files.readString(Path.of(arguments[0])).split(";\\s*\\n")) {
            String statement = part.replaceAll("(?m)^\\s*--.*$", "").strip();
            Matcher setting = SET.matcher(statement);
            if (setting.matches()) {
                configuration.setString(setting.group(1), setting.group(2));
            } else if (!statement.isEmpty()) {
                statements.add(statement);
            }
        }
        TableEnvironment tables = TableEnvironment.create(
                EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(configuration).build());
        for (String statement : statements) {
            String first = statement.substring(0, 6).toUpperCase(Locale.ROOT);
            long started = System.nanoTime();
            TableResult result = tables.executeSql(statement);
            if (first.equals("SELECT")) {
                result.print();
            } else if (first.equals("INSERT") || first.equals("EXECUT")) {
                result.await();
                System.out.printf("%.3f s: %s%n", (System.nanoTime() - started) / 1e9, statement.lines()
                        .findFirst().orElse(""));
            }
        }
    }
}
