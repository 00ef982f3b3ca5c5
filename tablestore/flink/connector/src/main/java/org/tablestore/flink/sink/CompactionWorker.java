package org.tablestore.flink.sink;

import java.io.IOException;
import java.util.Map;
import org.apache.flink.metrics.MetricGroup;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tablestore.flink.TableDescription;
import org.tablestore.flink.bridge.Values;
import org.tablestore.flink.bridge.Worker;

/**
 * Has a worker compact the table beside the committer, and starts another if it ends. Nothing waits for it and nothing
 * fails with it: a table that is not compacted is slower to read, and right.
 */
final class CompactionWorker {
    private static final Logger LOGGER = LoggerFactory.getLogger(CompactionWorker.class);
    private static final long LOOK_MILLIS = 2_000;
    private static final long AGAIN_MILLIS = 10_000;
    private static final long CLOSE_MILLIS = 5_000;

    private final TableDescription table;
    private final Thread thread;
    private volatile long compactions;
    private volatile long bytes;
    private volatile long failures;

    CompactionWorker(TableDescription table, MetricGroup metrics) {
        this.table = table;
        metrics.gauge("numCompactions", () -> compactions);
        metrics.gauge("numBytesCompacted", () -> bytes);
        metrics.gauge("numCompactionFailures", () -> failures);
        thread = new Thread(this::run, "tablestore compaction of " + table.name());
        thread.setDaemon(true);
        thread.start();
    }

    private void run() {
        try {
            while (true) {
                try {
                    serve();
                } catch (IOException | RuntimeException error) {
                    failures++;
                    LOGGER.warn("Compaction of {} has ended, it begins again in {} s.", table.path(),
                            AGAIN_MILLIS / 1000, error);
                }
                Thread.sleep(AGAIN_MILLIS);
            }
        } catch (InterruptedException closed) {
            // the committer was closed
        }
    }

    /** Until the worker ends; counts begin anew with each worker. */
    private void serve() throws IOException, InterruptedException {
        long compactionsBefore = compactions;
        long bytesBefore = bytes;
        long failuresBefore = failures;
        try (Worker worker = Worker.start(table, "compactor", table.name(), Map.of())) {
            while (true) {
                Values state = worker.call("state", Values.of()).values();
                compactions = compactionsBefore + state.number("compactions");
                bytes = bytesBefore + state.number("bytes-in");
                failures = failuresBefore + state.number("failures");
                Thread.sleep(LOOK_MILLIS);
            }
        }
    }

    /** Ends the thread and its worker. */
    void end() {
        thread.interrupt();
        try {
            thread.join(CLOSE_MILLIS);
        } catch (InterruptedException cancelled) {
            Thread.currentThread().interrupt(); // the thread ends by itself
        }
    }
}
