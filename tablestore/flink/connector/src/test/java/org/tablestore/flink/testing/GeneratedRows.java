package org.tablestore.flink.testing;

import java.io.Serializable;
import java.util.List;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.binary.BinaryStringData;
import org.apache.flink.types.RowKind;

/**
 * The rows of one generated stream as a function of (split, step), so that any process can recompute them:
 * see {@code benchmarks/flink_oracle.py} for the same arithmetic in NumPy.
 *
 * <p>A split owns the keys that are congruent to it modulo the number of splits and steps through them in
 * order, so the last row of every key does not depend on how subtasks interleave.
 */
final class GeneratedRows implements Serializable {
    private static final long serialVersionUID = 1;
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;
    private static final long STRIDE = 2_654_435_761L;
    private static final int DELETE_STEPS = 512;

    /** The columns that can be asked for, in any order. */
    enum Column {
        id,
        name,
        age,
        salary,
        department,
        step
    }

    private static final StringData[] DEPARTMENTS = texts(List.of(
            "Engineering", "Marketing", "Sales", "Finance", "Support", "Research", "Legal", "Operations"));

    private final Column[] columns;
    private final boolean textKey;
    private final boolean once;
    private final boolean updates;
    private final int splits;
    private final long keysOfSplit;
    private final long seed;
    private final int deletes;

    /**
     * @param columns the fields of a row
     * @param textKey whether {@code id} is a STRING of 12 bytes ("u" and 11 digits) rather than a BIGINT
     * @param once visit every key once per pass, in a scattered order, rather than keys at random
     * @param updates mark rows as +U instead of +I
     * @param splits how many independent sequences there are
     * @param keys the number of keys of all splits, a multiple of {@code splits}, below 2^31
     * @param deletes the share of rows that are deletions, 0 to 1
     */
    GeneratedRows(
            List<Column> columns,
            boolean textKey,
            boolean once,
            boolean updates,
            int splits,
            long keys,
            long seed,
            double deletes) {
        this.columns = columns.toArray(new Column[0]);
        this.textKey = textKey;
        this.once = once;
        this.updates = updates;
        this.splits = splits;
        this.keysOfSplit = keys / splits;
        this.seed = seed;
        this.deletes = (int) Math.round(deletes * DELETE_STEPS);
    }

    int splits() {
        return splits;
    }

    GenericRowData row(int split, long step) {
        long key = key(split, step);
        long bits = mix(key * GOLDEN + step + seed);
        GenericRowData row = new GenericRowData(kind(bits), columns.length);
        for (int field = 0; field < columns.length; field++) {
            row.setField(field, value(columns[field], key, step, bits));
        }
        return row;
    }

    private RowKind kind(long bits) {
        if (((bits >>> 32) & (DELETE_STEPS - 1)) < deletes) {
            return RowKind.DELETE;
        }
        return updates ? RowKind.UPDATE_AFTER : RowKind.INSERT;
    }

    private long key(int split, long step) {
        long place = once
                ? (step % keysOfSplit) * STRIDE % keysOfSplit
                : ((mix(step + seed * GOLDEN + split) >>> 32) * keysOfSplit) >>> 32;
        return place * splits + split;
    }

    private Object value(Column column, long key, long step, long bits) {
        return switch (column) {
            case id -> textKey ? (Object) text('u', key, 11) : (Object) key;
            case name -> text('n', bits >>> 41, 11);
            case age -> (int) (18 + (bits & 63));
            case salary -> (3_000_000 + ((bits >>> 9) & 0x7FFFFF)) / 100.0;
            case department -> DEPARTMENTS[(int) (bits >>> 6) & 7];
            case step -> step;
        };
    }

    /** The finalizer of MurmurHash3 in its 64-bit form, over a Weyl sequence. */
    static long mix(long value) {
        long z = (value ^ (value >>> 33)) * 0xFF51AFD7ED558CCDL;
        z = (z ^ (z >>> 33)) * 0xC4CEB9FE1A85EC53L;
        return z ^ (z >>> 33);
    }

    private static StringData text(char first, long number, int digits) {
        byte[] bytes = new byte[digits + 1];
        bytes[0] = (byte) first;
        int rest = (int) number;
        for (int place = digits; place > 0; place--) {
            int quotient = rest / 10;
            bytes[place] = (byte) ('0' + rest - quotient * 10);
            rest = quotient;
        }
        return StringData.fromBytes(bytes);
    }

    private static StringData[] texts(List<String> values) {
        StringData[] found = new StringData[values.size()];
        for (int index = 0; index < found.length; index++) {
            BinaryStringData text = BinaryStringData.fromString(values.get(index));
            text.ensureMaterialized();
            found[index] = text;
        }
        return found;
    }
}
