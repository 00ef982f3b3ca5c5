package org.tablestore.flink.bridge;

import java.util.Map;
import java.util.stream.Collectors;

/** Writes the little JSON of the protocol: strings, arrays and objects of strings. Reading it is Python's part. */
public final class Json {
    private Json() {}

    /** A string literal with only the escapes that JSON demands. */
    public static String quote(String text) {
        StringBuilder out = new StringBuilder(text.length() + 2).append('"');
        for (int index = 0; index < text.length(); index++) {
            char each = text.charAt(index);
            if (each == '"' || each == '\\') {
                out.append('\\').append(each);
            } else if (each < 0x20) {
                out.append(String.format("\\u%04x", (int) each));
            } else {
                out.append(each);
            }
        }
        return out.append('"').toString();
    }

    /** An array of strings. */
    public static String array(Iterable<String> texts) {
        StringBuilder out = new StringBuilder("[");
        for (String text : texts) {
            out.append(out.length() > 1 ? ", " : "").append(quote(text));
        }
        return out.append(']').toString();
    }

    /** An object of strings, in the map's order. */
    public static String object(Map<String, String> members) {
        return members.entrySet().stream()
                .map(member -> quote(member.getKey()) + ": " + quote(member.getValue()))
                .collect(Collectors.joining(", ", "{", "}"));
    }
}
