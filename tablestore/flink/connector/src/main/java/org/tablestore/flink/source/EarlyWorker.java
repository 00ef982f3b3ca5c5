package org.tablestore.flink.source;

import java.io.IOException;
import org.apache.flink.util.ExceptionUtils;
import org.tablestore.flink.bridge.Worker;

/** A worker that starts in the background, while the enumerator still finds out where to read. */
final class EarlyWorker {
    /** How to start one. */
    interface Start {
        Worker worker() throws IOException, InterruptedException;
    }

    private final Thread thread;
    private Worker worker;
    private Throwable failure;
    private boolean closed;

    EarlyWorker(String task, Start start) {
        thread = new Thread(() -> run(start), "tablestore start of " + task);
        thread.setDaemon(true);
        thread.start();
    }

    private void run(Start start) {
        try {
            Worker started = start.worker();
            if (!isKept(started)) {
                started.close();
            }
        } catch (Throwable error) {
            fail(error);
        }
    }

    private synchronized boolean isKept(Worker started) {
        if (!closed) {
            worker = started;
            notifyAll();
        }
        return !closed;
    }

    private synchronized void fail(Throwable error) {
        failure = error;
        notifyAll();
    }

    /**
     * Waits for the worker, which belongs to the caller from then on; null if it was taken before, or is not
     * wanted.
     */
    synchronized Worker take() throws IOException, InterruptedException {
        while (worker == null && failure == null && !closed) {
            wait();
        }
        if (failure != null && !closed) {
            ExceptionUtils.rethrowIOException(failure);
        }
        closed = true;
        Worker taken = worker;
        worker = null;
        return taken;
    }

    /** Ends the worker if it was not taken, and its start. */
    void close() throws IOException {
        Worker left;
        synchronized (this) {
            closed = true;
            left = worker;
            worker = null;
            notifyAll();
        }
        thread.interrupt();
        if (left != null) {
            left.close();
        }
    }
}
