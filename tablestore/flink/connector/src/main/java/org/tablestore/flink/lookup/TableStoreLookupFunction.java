package org.tablestore.flink.lookup;

import java.io.IOException;
import java.util.Collection;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.LookupFunction;
import org.apache.flink.types.RowKind;
import org.tablestore.flink.bridge.BatchWriter;

/** Looks up one key after another, and waits for each. */
public final class TableStoreLookupFunction extends LookupFunction {
    private static final long serialVersionUID = 1L;

    private final LookupDescription lookup;
    private final boolean cached;
    private transient LookupWorker worker;
    private transient BatchWriter asked;
    private transient FoundRows rows;

    TableStoreLookupFunction(LookupDescription lookup, boolean cached) {
        this.lookup = lookup;
        this.cached = cached;
    }

    @Override
    public void open(FunctionContext context) throws IOException {
        asked = new BatchWriter(lookup.keyType());
        rows = new FoundRows(lookup.rowType(), cached);
        worker = new LookupWorker(lookup, context.getMetricGroup());
    }

    @Override
    public Collection<RowData> lookup(RowData key) throws IOException {
        asked.clear();
        asked.add(key, RowKind.INSERT);
        try {
            FoundRows.Cursor found = rows.of(worker.find(asked));
            Collection<RowData> answer = found.at(0);
            found.end();
            return answer;
        } catch (InterruptedException cancelled) {
            Thread.currentThread().interrupt();
            throw new IOException("The task was cancelled in a lookup.", cancelled);
        }
    }

    @Override
    public void close() throws IOException {
        if (worker != null) {
            worker.close();
        }
    }
}
