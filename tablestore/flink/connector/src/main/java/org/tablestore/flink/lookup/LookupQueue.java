package org.tablestore.flink.lookup;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.RowKind;
import org.tablestore.flink.bridge.BatchWriter;

/**
 * Keys that wait for a worker, and the thread that asks it. All keys that are waiting go into one request;
 * meanwhile the next ones gather. Answers come in the order of the keys. Once a request has failed for good,
 * all others fail like it.
 */
final class LookupQueue implements AutoCloseable {
    /** Keys that may wait; who has more to ask waits. Flink itself allows table.exec.async-lookup.buffer-capacity. */
    static final int WAITING_MAX = 16_384;

    private static final long CLOSE_MILLIS = 1_000;

    private final LookupWorker worker;
    private final FoundRows rows;
    private final Thread thread;
    private Request waiting; // this and what follows: guarded by this
    private Request spare;
    private Throwable failure;

    LookupQueue(LookupWorker worker, RowType keyType, FoundRows rows, String name) {
        this.worker = worker;
        this.rows = rows;
        waiting = new Request(keyType);
        spare = new Request(keyType);
        thread = new Thread(this::run, name);
        thread.setDaemon(true);
        thread.start();
    }

    /** The rows of a key, when they are known. The key may be reused at once. */
    synchronized CompletableFuture<Collection<RowData>> ask(RowData key) {
        CompletableFuture<Collection<RowData>> answer = new CompletableFuture<>();
        try {
            while (waiting.answers.size() >= WAITING_MAX && failure == null) {
                wait();
            }
        } catch (InterruptedException cancelled) {
            Thread.currentThread().interrupt();
            answer.completeExceptionally(new IOException("The task was cancelled in a lookup.", cancelled));
            return answer;
        }
        if (failure != null) {
            answer.completeExceptionally(failure);
            return answer;
        }
        waiting.answers.add(answer);
        try {
            waiting.keys.add(key, RowKind.INSERT);
        } catch (RuntimeException unfit) {
            failure = unfit; // half a key is in the batch, which is of no more use
        }
        if (failure != null || waiting.answers.size() == 1) {
            notifyAll();
        }
        return answer;
    }

    private void run() {
        try {
            while (true) {
                Request request = take();
                request.answer();
                giveBack(request);
            }
        } catch (InterruptedException closed) {
            fail(new IOException("The lookup was closed.", closed));
        } catch (Throwable error) {
            fail(error);
        }
    }

    private synchronized Request take() throws InterruptedException, Throwable {
        while (waiting.answers.isEmpty() && failure == null) {
            wait();
        }
        if (failure != null) {
            throw failure;
        }
        Request taken = waiting;
        waiting = spare;
        spare = null;
        notifyAll();
        return taken;
    }

    private synchronized void giveBack(Request request) {
        request.clear();
        spare = request;
    }

    private void fail(Throwable error) {
        List<CompletableFuture<Collection<RowData>>> lost;
        synchronized (this) {
            failure = error;
            lost = List.copyOf(waiting.answers);
            waiting.clear();
            notifyAll();
        }
        lost.forEach(answer -> answer.completeExceptionally(error));
    }

    @Override
    public void close() throws IOException {
        thread.interrupt();
        worker.close();
        try {
            thread.join(CLOSE_MILLIS);
        } catch (InterruptedException cancelled) {
            Thread.currentThread().interrupt(); // the thread ends by itself
        }
    }

    /** Keys that are asked for at once, and what their askers wait for. */
    private final class Request {
        private final BatchWriter keys;
        private final List<CompletableFuture<Collection<RowData>>> answers = new ArrayList<>();

        private Request(RowType keyType) {
            keys = new BatchWriter(keyType);
        }

        private void answer() throws IOException, InterruptedException {
            int answered = 0;
            try {
                FoundRows.Cursor found = rows.of(worker.find(keys));
                for (; answered < answers.size(); answered++) {
                    answers.get(answered).complete(found.at(answered));
                }
                found.end();
            } catch (Throwable error) {
                for (; answered < answers.size(); answered++) {
                    answers.get(answered).completeExceptionally(error);
                }
                throw error;
            }
        }

        private void clear() {
            keys.clear();
            answers.clear();
        }
    }
}
