package org.tablestore.flink.lookup;

import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tablestore.flink.bridge.Batch;
import org.tablestore.flink.bridge.BatchReader;
import org.tablestore.flink.bridge.BatchWriter;
import org.tablestore.flink.bridge.Reply;
import org.tablestore.flink.bridge.Values;
import org.tablestore.flink.bridge.Worker;
import org.tablestore.flink.bridge.WorkerException;

/**
 * The Python worker of one subtask of a lookup join. A lookup changes nothing, so when the worker dies, or a
 * request fails in a way that may pass, another worker is started and asked again. Used by one thread; {@link
 * #close} by any.
 */
final class LookupWorker implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LookupWorker.class);
    private static final long PAUSE_MILLIS = 200;
    private static final Pattern SUBTASK = Pattern.compile("\\((\\d+/\\d+)\\)");

    private final LookupDescription lookup;
    private final String task;
    private final BatchReader reader;
    private final Counter requests;
    private final Counter keys;
    private final Counter misses;
    private volatile Worker worker;
    private volatile boolean closed;
    private volatile long snapshot;
    private volatile long micros;

    /** Starts the worker, so that a wrong table fails at once and not at the first key. */
    LookupWorker(LookupDescription lookup, MetricGroup metrics) throws IOException {
        this.lookup = lookup;
        String thread = Thread.currentThread().getName(); // 1.20 and 2.x have no other name in common
        Matcher subtask = SUBTASK.matcher(thread);
        task = lookup.table().name() + (subtask.find() ? "[" + subtask.group(1) + "]" : "");
        reader = new BatchReader(lookup.answerType());
        requests = metrics.counter("lookupRequests");
        keys = metrics.counter("lookupKeys");
        misses = metrics.counter("lookupMisses");
        metrics.gauge("lookupSnapshot", () -> snapshot);
        metrics.gauge("lastLookupTimeMicros", () -> micros);
        try {
            worker = start();
        } catch (InterruptedException cancelled) {
            Thread.currentThread().interrupt();
            throw new IOException("The task was cancelled while its Python worker was started.", cancelled);
        }
    }

    /** The rows of some keys: a position among the keys and the columns, by position, at most one for each key. */
    Batch find(BatchWriter asked) throws IOException, InterruptedException {
        for (int attempt = 1; ; attempt++) {
            try {
                return call(asked);
            } catch (WorkerException error) {
                end();
                if (closed || !error.retry() || attempt > lookup.retries()) {
                    throw error;
                }
                LOG.warn("A lookup in table '{}' failed, attempt {} of {}", lookup.table().name(), attempt,
                        lookup.retries() + 1, error);
                Thread.sleep(PAUSE_MILLIS * attempt);
            }
        }
    }

    private Batch call(BatchWriter asked) throws IOException, InterruptedException {
        Worker current = worker;
        if (current == null) {
            current = start();
            worker = current;
            if (closed) {
                end();
            }
        }
        long started = System.nanoTime();
        Reply reply = current.call("lookup", Values.of(), asked);
        Batch found = reader.read(reply.batch());
        micros = (System.nanoTime() - started) / 1_000;
        snapshot = reply.values().number("version");
        requests.inc();
        keys.inc(asked.rows());
        misses.inc(asked.rows() - found.rows());
        return found;
    }

    private Worker start() throws IOException, InterruptedException {
        return Worker.start(lookup.table(), "lookup", task, lookup.hello());
    }

    private void end() throws IOException {
        Worker current = worker;
        worker = null;
        if (current != null) {
            current.close();
        }
    }

    @Override
    public void close() throws IOException {
        closed = true;
        end();
    }
}
