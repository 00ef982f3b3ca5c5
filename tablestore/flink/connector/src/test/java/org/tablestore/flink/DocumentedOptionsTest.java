package org.tablestore.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.description.HtmlFormatter;
import org.apache.flink.util.TimeUtils;
import org.junit.jupiter.api.Test;

/** {@code docs/flink-options.md} says what the options are; {@code -Dwrite.documents=true} writes it anew. */
class DocumentedOptionsTest {
    private static final Path DOCUMENT =
            Path.of(System.getProperty("repository.folder"), "docs", "flink-options.md");

    @Test
    void theDocumentIsThatOfTheOptions() throws IOException {
        if (Boolean.getBoolean("write.documents")) {
            Files.writeString(DOCUMENT, document());
        }
        assertEquals(document(), Files.readString(DOCUMENT));
    }

    private static String document() {
        return String.join("\n",
                "# Options of tables in Flink SQL",
                "",
                "Given in `WITH (…)`, or in a query by a hint: `SELECT … FROM users /*+"
                        + " OPTIONS('scan.bounded' = 'true') */`."
                        + " An option that nobody knows is refused.",
                "Made from `TableStoreOptions`; a test compares the two.",
                "",
                "## The table in Flink",
                table(TableStoreOptions.CONNECTOR_OPTIONS),
                "## The table itself",
                "Kept in the table when it is created, and compared afterwards (spec §8.4, with all"
                        + " defaults); memory is"
                        + " that of each job.",
                "",
                table(TableStoreOptions.TABLE_OPTIONS),
                "## Flink's own",
                "Options of lookup joins and of watermarks in a definition mean what Flink's documentation says.",
                "",
                names(TableStoreOptions.LOOKUP_OPTIONS) + names(TableStoreOptions.WATERMARK_OPTIONS));
    }

    private static String table(List<? extends ConfigOption<?>> options) {
        StringBuilder out = new StringBuilder("| option | default | meaning |\n|---|---|---|\n");
        for (ConfigOption<?> option : options) {
            String meaning = new HtmlFormatter().format(option.description()).replace("|", "\\|");
            out.append("| `").append(option.key()).append("` | ").append(shown(option)).append(" | ").append(meaning)
                    .append(" |\n");
        }
        return out.toString();
    }

    private static String names(List<ConfigOption<?>> options) {
        StringBuilder out = new StringBuilder();
        options.forEach(option -> out.append("- `").append(option.key()).append("`\n"));
        return out.toString();
    }

    private static String shown(ConfigOption<?> option) {
        if (!option.hasDefaultValue()) {
            return option == TableStoreOptions.TABLE_PATH ? "required" : "";
        }
        Object value = option.defaultValue();
        return "`" + (value instanceof Duration duration ? TimeUtils.formatWithHighestUnit(duration) : value) + "`";
    }
}
