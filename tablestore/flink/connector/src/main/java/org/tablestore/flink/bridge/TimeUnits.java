package org.tablestore.flink.bridge;

import org.apache.flink.table.api.TableException;
import org.apache.flink.table.data.TimestampData;

/** The unit in which the table keeps timestamps of a precision (spec §2.2), and the numbers in it. */
public enum TimeUnits {
    SECONDS("s"),
    MILLIS("ms"),
    MICROS("us"),
    NANOS("ns");

    private final String symbol;

    TimeUnits(String symbol) {
        this.symbol = symbol;
    }

    /** The unit for {@code TIMESTAMP(precision)}: s for 0, ms up to 3, us up to 6, ns up to 9. */
    public static TimeUnits of(int precision) {
        return precision == 0 ? SECONDS : precision <= 3 ? MILLIS : precision <= 6 ? MICROS : NANOS;
    }

    /** How types in JSON spell it. */
    public String symbol() {
        return symbol;
    }

    /**
     * Units since the epoch; finer digits are cut off.
     *
     * @throws TableException if the value is out of range of the unit; names the column
     */
    public long toLong(TimestampData value, String column) {
        long millis = value.getMillisecond();
        try {
            return switch (this) {
                case SECONDS -> Math.floorDiv(millis, 1000L);
                case MILLIS -> millis;
                case MICROS -> Math.addExact(Math.multiplyExact(millis, 1000L), value.getNanoOfMillisecond() / 1000);
                case NANOS -> Math.addExact(Math.multiplyExact(millis, 1_000_000L), value.getNanoOfMillisecond());
            };
        } catch (ArithmeticException overflow) {
            throw new TableException("Column '" + column + "': " + value + " does not fit into 64 bits of " + symbol
                    + " since 1970; declare the column with a smaller precision, such as TIMESTAMP(6).", overflow);
        }
    }

    /**
     * The timestamp of a number of units since the epoch.
     *
     * @throws TableException if Flink has no such timestamp
     */
    public TimestampData toTimestamp(long units) {
        return switch (this) {
            case SECONDS -> TimestampData.fromEpochMillis(millis(units));
            case MILLIS -> TimestampData.fromEpochMillis(units);
            case MICROS -> TimestampData.fromEpochMillis(
                    Math.floorDiv(units, 1000L), (int) Math.floorMod(units, 1000L) * 1000);
            case NANOS -> TimestampData.fromEpochMillis(
                    Math.floorDiv(units, 1_000_000L), (int) Math.floorMod(units, 1_000_000L));
        };
    }

    private static long millis(long seconds) {
        if (seconds < Long.MIN_VALUE / 1000 || seconds > Long.MAX_VALUE / 1000) {
            throw new TableException("The table has a timestamp of " + seconds
                    + " s since 1970, which is out of Flink's"
                    + " range.");
        }
        return seconds * 1000;
    }
}
