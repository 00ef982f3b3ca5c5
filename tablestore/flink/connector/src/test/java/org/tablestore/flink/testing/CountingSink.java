package org.tablestore.flink.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.UUID;
import org.apache.flink.api.common.operators.ProcessingTimeService;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;

/**
 * Counts rows by kind and folds their values into one number that does not depend on their order: every row's
 * hash is added for +I and +U and subtracted for -U and -D, modulo 2^64. A full changelog folds to the hash
 * of the final state.
 *
 * <p>Each writer keeps {@code <directory>/<random>.json} up to date, {@link #PERIOD_MILLIS} behind: the
 * counts of the kinds (+I, -U, +U, -D), the sum, the wall clock in milliseconds of its first row and of when
 * it last saw more rows, and whether the input has ended.
 */
final class CountingSink implements Sink<RowData> {
    private static final long serialVersionUID = 1;
    private static final long PERIOD_MILLIS = 20;

    private final RowType type;
    private final String directory;
    private final boolean content;

    CountingSink(RowType type, String directory, boolean content) {
        this.type = type;
        this.directory = directory;
        this.content = content;
    }

    @Override
    public SinkWriter<RowData> createWriter(WriterInitContext context) throws IOException {
        Writer writer = new Writer(Path.of(directory), content ? new RowHash(type) : null);
        writer.reportEvery(context.getProcessingTimeService());
        return writer;
    }

    private static final class Writer implements SinkWriter<RowData> {
        private final Path file;
        private final RowHash hash;
        private final long[] kinds = new long[4];
        private long sum;
        private long rows;
        private long rowsReported = -1;
        private long firstMillis;
        private long lastMillis;

        Writer(Path directory, RowHash hash) throws IOException {
            Files.createDirectories(directory);
            this.file = directory.resolve(UUID.randomUUID() + ".json");
            this.hash = hash;
        }

        /** Timers run in the task's thread: they see a row either not at all or wholly. */
        void reportEvery(ProcessingTimeService clock) {
            clock.registerTimer(clock.getCurrentProcessingTime() + PERIOD_MILLIS, time -> {
                if (rows != rowsReported) {
                    report(false);
                }
                reportEvery(clock);
            });
        }

        @Override
        public void write(RowData row, Context context) {
            int kind = row.getRowKind().toByteValue();
            kinds[kind]++;
            if (hash != null) {
                long value = hash.of(row);
                sum += kind == 0 || kind == 2 ? value : -value;
            }
            if (rows++ == 0) {
                firstMillis = System.currentTimeMillis();
            }
        }

        @Override
        public void flush(boolean endOfInput) throws IOException {
            if (endOfInput || rows != rowsReported) {
                report(endOfInput);
            }
        }

        @Override
        public void close() {}

        private void report(boolean ended) throws IOException {
            if (rows != rowsReported) {
                lastMillis = System.currentTimeMillis();
                rowsReported = rows;
            }
            String text = String.format(
                    "{\"kinds\": %s, \"sum\": \"%016x\", \"first\": %d, \"last\": %d, \"ended\": %b}%n",
                    Arrays.toString(kinds), sum, firstMillis, lastMillis, ended);
            Path fresh = file.resolveSibling(file.getFileName() + ".new");
            Files.writeString(fresh, text);
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        }
    }
}
