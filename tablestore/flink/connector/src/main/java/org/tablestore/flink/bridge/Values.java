package org.tablestore.flink.bridge;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** The named values of a message (spec §16.3), in order: texts, numbers as text, or bytes. */
public final class Values {
    private final Map<String, byte[]> entries = new LinkedHashMap<>();

    /** An empty map. */
    public static Values of() {
        return new Values();
    }

    /** One text by name. */
    public static Values of(String name, String text) {
        return new Values().put(name, text);
    }

    public Values put(String name, String text) {
        return put(name, text.getBytes(UTF_8));
    }

    public Values put(String name, long number) {
        return put(name, Long.toString(number));
    }

    public Values put(String name, byte[] bytes) {
        entries.put(name, bytes);
        return this;
    }

    public Values putAll(Map<String, String> texts) {
        texts.forEach(this::put);
        return this;
    }

    public boolean has(String name) {
        return entries.containsKey(name);
    }

    public Set<String> names() {
        return entries.keySet();
    }

    /**
     * The bytes of a value, not a copy.
     *
     * @throws WorkerException if there is none
     */
    public byte[] bytes(String name) throws WorkerException {
        byte[] found = entries.get(name);
        if (found == null) {
            throw bad("the map lacks '" + name + "'", "bad-message");
        }
        return found;
    }

    /** @throws WorkerException if there is no such value */
    public String text(String name) throws WorkerException {
        return decode(ByteBuffer.wrap(bytes(name)), "the value of '" + name + "'");
    }

    /** The text of a value, or {@code missing} if there is none. */
    public String text(String name, String missing) throws WorkerException {
        return has(name) ? text(name) : missing;
    }

    /** @throws WorkerException if there is no such value, or it is not a number of 64 bits */
    public long number(String name) throws WorkerException {
        String text = text(name);
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException wrong) {
            throw bad("the value of '" + name + "' is '" + text + "' and not a number", "bad-message");
        }
    }

    /** The payload of a message. */
    byte[] encode() {
        Buffer out = new Buffer(256);
        out.putInt(entries.size());
        entries.forEach((name, value) -> {
            byte[] key = name.getBytes(UTF_8);
            out.putInt(key.length);
            out.put(key, 0, key.length);
            out.putInt(value.length);
            out.put(value, 0, value.length);
        });
        return out.copy();
    }

    /**
     * Reads the payload of a message.
     *
     * @throws WorkerException if the payload is not a map; by code as in spec §16.3
     */
    static Values decode(byte[] payload) throws WorkerException {
        ByteBuffer in = ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
        if (in.remaining() < 4) {
            throw bad("a map without a count", "truncated");
        }
        long count = in.getInt() & 0xFFFFFFFFL;
        if (count > in.remaining() / 8) {
            throw bad(count + " entries do not fit into " + payload.length + " bytes", "truncated");
        }
        Values values = new Values();
        for (long entry = 0; entry < count; entry++) {
            String name = decode(piece(in), "a key");
            ByteBuffer value = piece(in);
            byte[] bytes = new byte[value.remaining()];
            value.get(bytes);
            if (values.entries.put(name, bytes) != null) {
                throw bad("the key '" + name + "' occurs twice", "bad-message");
            }
        }
        if (in.hasRemaining()) {
            throw bad("bytes are left over after the last entry", "trailing-bytes");
        }
        return values;
    }

    private static ByteBuffer piece(ByteBuffer in) throws WorkerException {
        if (in.remaining() < 4) {
            throw bad("a length reaches past the end", "truncated");
        }
        long length = in.getInt() & 0xFFFFFFFFL;
        if (length > in.remaining()) {
            throw bad(length + " bytes reach past the end", "truncated");
        }
        ByteBuffer piece = in.slice(in.position(), (int) length);
        in.position(in.position() + (int) length);
        return piece;
    }

    private static String decode(ByteBuffer bytes, String what) throws WorkerException {
        try {
            return UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException wrong) {
            throw bad(what + " is not UTF-8", "invalid-utf8");
        }
    }

    private static WorkerException bad(String message, String code) {
        return new WorkerException("message: " + message + " (spec §16.3)", "FormatError", code, false);
    }
}
