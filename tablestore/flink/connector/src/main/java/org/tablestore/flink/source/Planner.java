package org.tablestore.flink.source;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.tablestore.flink.TableDescription;
import org.tablestore.flink.bridge.Values;
import org.tablestore.flink.bridge.Worker;

/** The worker of the enumerator (spec §16.10). Any thread may use it; one that is at work does not hold up the end. */
final class Planner implements AutoCloseable {
    /** Where to start, how many buckets there are, and the newest snapshot. */
    record Plan(Position start, long newest, int buckets) {}

    private final Worker worker;
    private final String consumer;
    private final long expirationMillis;
    private final ReentrantLock calling = new ReentrantLock();

    private Planner(Worker worker, String consumer, long expirationMillis) {
        this.worker = worker;
        this.consumer = consumer;
        this.expirationMillis = expirationMillis;
    }

    static Planner open(TableDescription table, String consumer, long expirationMillis)
            throws IOException, InterruptedException {
        return new Planner(Worker.start(table, "planner", table.name(), Map.of()), consumer, expirationMillis);
    }

    /** Finds where to start and keeps it. */
    Plan start(StartPoint start) throws IOException, InterruptedException {
        Values values = values().put("mode", start.mode());
        values.put("snapshot", start.snapshot()).put("timestamp", start.timestampMillis());
        return plan(call("start", values));
    }

    /** Keeps what a restored job needs. */
    Plan resume(Position least) throws IOException, InterruptedException {
        return plan(call("resume", put(values(), least)));
    }

    /** Moves on to what is still needed, and says that the job is still there; the newest snapshot. */
    long keep(Position least) throws IOException, InterruptedException {
        return call("keep", put(Values.of(), least)).number("newest");
    }

    /** Nothing is needed any more. Left out if the worker is at work: then the consumer goes when its time is over. */
    void finish(Position last) throws IOException, InterruptedException {
        if (calling.tryLock()) {
            try {
                worker.call("finish", put(Values.of(), last));
            } finally {
                calling.unlock();
            }
        }
    }

    private Values call(String op, Values values) throws IOException, InterruptedException {
        calling.lockInterruptibly();
        try {
            return worker.call(op, values).values();
        } finally {
            calling.unlock();
        }
    }

    @Override
    public void close() throws IOException {
        worker.close();
    }

    private Values values() {
        Values values = Values.of("consumer", consumer);
        return expirationMillis < 0 ? values : values.put("expires-millis", expirationMillis);
    }

    private static Values put(Values values, Position position) {
        return values.put("next", position.next()).put("state", Boolean.toString(position.state()));
    }

    private static Plan plan(Values reply) throws IOException {
        Position start = new Position(reply.number("next"), 0, reply.text("state").equals("true"));
        return new Plan(start, reply.number("newest"), (int) reply.number("buckets"));
    }
}
