package org.tablestore.flink.sink;

import java.io.IOException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.apache.flink.table.types.logical.RowType;
import org.tablestore.flink.bridge.BatchWriter;
import org.tablestore.flink.bridge.Worker;

/**
 * Sends batches to a worker from a thread of its own, so that rows are encoded while others are on their way.
 * Two batches take turns: who fills them waits when the worker is behind, and that is all the buffering there
 * is.
 */
final class BatchSender {
    private static final int BATCHES = 2;
    private static final long CLOSE_MILLIS = 1_000;

    private final Worker worker;
    private final BlockingQueue<BatchWriter> free = new ArrayBlockingQueue<>(BATCHES);
    private final BlockingQueue<BatchWriter> full = new ArrayBlockingQueue<>(BATCHES);
    private final Thread thread;
    private volatile Throwable failure;
    private volatile long sendMillis;

    BatchSender(Worker worker, RowType rowType, String name) {
        this.worker = worker;
        for (int index = 0; index < BATCHES; index++) {
            free.add(new BatchWriter(rowType));
        }
        thread = new Thread(this::run, name);
        thread.setDaemon(true);
        thread.start();
    }

    /** An empty batch to fill; waits until there is one. */
    BatchWriter next() throws IOException, InterruptedException {
        BatchWriter batch = free.take();
        check();
        return batch;
    }

    /** Has a batch sent; it belongs to the sender from now on. */
    void submit(BatchWriter batch) throws IOException {
        check();
        full.add(batch);
    }

    /** Gives back a batch that was not filled. */
    void giveBack(BatchWriter batch) {
        free.add(batch);
    }

    /**
     * Waits until everything submitted is sent; from then until the next {@link #submit} the worker is the
     * caller's.
     */
    void drain() throws IOException, InterruptedException {
        BatchWriter[] all = new BatchWriter[BATCHES];
        for (int index = 0; index < BATCHES; index++) {
            all[index] = free.take();
            check();
        }
        for (BatchWriter batch : all) {
            free.add(batch);
        }
    }

    /** How long the last batch took, in milliseconds. */
    long sendMillis() {
        return sendMillis;
    }

    private void run() {
        try {
            while (true) {
                BatchWriter batch = full.take();
                long started = System.nanoTime();
                try {
                    worker.send(batch);
                } catch (Throwable error) {
                    failure = error;
                }
                sendMillis = (System.nanoTime() - started) / 1_000_000;
                batch.clear();
                free.add(batch);
            }
        } catch (InterruptedException closed) {
            // the writer was closed
        }
    }

    private void check() throws IOException {
        Throwable error = failure;
        if (error instanceof RuntimeException unchecked) {
            throw unchecked;
        }
        if (error instanceof Error fatal) {
            throw fatal;
        }
        if (error != null) {
            throw error instanceof IOException known ? known : new IOException(error);
        }
    }

    /** Ends the thread, whatever it is doing. */
    void end() {
        thread.interrupt();
        try {
            thread.join(CLOSE_MILLIS);
        } catch (InterruptedException cancelled) {
            Thread.currentThread().interrupt(); // the thread ends by itself
        }
    }
}
