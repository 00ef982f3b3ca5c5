package org.tablestore.flink.lookup;

import java.io.IOException;
import java.util.Collection;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.AsyncLookupFunction;
import org.apache.flink.table.functions.FunctionContext;

/** Looks up many keys at once: those that come while a request is under way go with the next one. */
public final class TableStoreAsyncLookupFunction extends AsyncLookupFunction {
    private static final long serialVersionUID = 1L;

    private final LookupDescription lookup;
    private final boolean cached;
    private transient LookupQueue queue;

    TableStoreAsyncLookupFunction(LookupDescription lookup, boolean cached) {
        this.lookup = lookup;
        this.cached = cached;
    }

    @Override
    public void open(FunctionContext context) throws IOException {
        LookupWorker worker = new LookupWorker(lookup, context.getMetricGroup());
        queue = new LookupQueue(worker, lookup.keyType(), new FoundRows(lookup.rowType(), cached),
                "tablestore lookup of " + Thread.currentThread().getName());
    }

    @Override
    public CompletableFuture<Collection<RowData>> asyncLookup(RowData key) {
        return queue.ask(key);
    }

    @Override
    public void close() throws IOException {
        if (queue != null) {
            queue.close();
        }
    }
}
