package org.tablestore.flink.source;

import java.io.IOException;
import java.util.Map;
import org.tablestore.flink.TableDescription;
import org.tablestore.flink.bridge.Values;
import org.tablestore.flink.bridge.Worker;

/** The worker of the enumerator (spec §16.10). Used by the enumerator's background thread alone, but for close. */
final class Planner implements AutoCloseable {
    /** Where to start, how many buckets there are, and the newest snapshot. */
    record Plan(Position start, long newest, int buckets) {}

    private final Worker worker;
    private final String consumer;
    private final long expirationMillis;

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
        return plan(worker.call("start", values).values());
    }

    /** Keeps what a restored job needs. */
    Plan resume(Position least) throws IOException, InterruptedException {
        return plan(worker.call("resume", put(values(), least)).values());
    }

    /** Moves on to what is still needed, and says that the job is still there; the newest snapshot. */
    long keep(Position least) throws IOException, InterruptedException {
        return worker.call("keep", put(Values.of(), least)).values().number("newest");
    }

    /** Nothing is needed any more. */
    void finish(Position last) throws IOException, InterruptedException {
        worker.call("finish", put(Values.of(), last));
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
