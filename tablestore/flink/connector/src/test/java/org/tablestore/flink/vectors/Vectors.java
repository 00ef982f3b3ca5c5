package org.tablestore.flink.vectors;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/** The vectors of the spec: questions with one right answer each. */
public final class Vectors {
    private static final Path FOLDER = Path.of(System.getProperty("repository.folder"), "spec", "vectors");
    private static final ObjectMapper JSON = new ObjectMapper();

    private Vectors() {}

    /** One vector; `error` is empty if it is valid. */
    public record Vector(String name, String operation, JsonNode input, JsonNode output, String error) {
        @Override
        public String toString() {
            return name;
        }

        public byte[] data() {
            return HexFormat.of().parseHex(input.get("data").asText());
        }
    }

    /** The vectors of a noun with this operation, by name; there must be some. */
    public static List<Vector> of(String noun, String operation) {
        try (Stream<Path> files = Files.walk(FOLDER.resolve(noun))) {
            List<Vector> found = files.filter(file -> file.toString().endsWith(".json"))
                    .map(Vectors::read)
                    .filter(vector -> vector.operation().equals(operation))
                    .sorted(Comparator.comparing(Vector::name))
                    .toList();
            if (found.isEmpty()) {
                throw new IllegalStateException("no vectors " + noun + " " + operation);
            }
            return found;
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static Vector read(Path file) {
        try {
            JsonNode node = JSON.readTree(file.toFile());
            String error = node.has("error") ? node.get("error").asText() : "";
            return new Vector(
                    node.get("name").asText(),
                    node.get("operation").asText(),
                    node.get("input"),
                    node.get("output"),
                    error);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
