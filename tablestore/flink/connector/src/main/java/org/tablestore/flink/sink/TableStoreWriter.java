package org.tablestore.flink.sink;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.connector.sink2.CommittingSinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.groups.SinkWriterMetricGroup;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.table.data.RowData;
import org.apache.flink.types.RowKind;
import org.tablestore.flink.TableDescription;
import org.tablestore.flink.bridge.BatchWriter;
import org.tablestore.flink.bridge.Values;
import org.tablestore.flink.bridge.Worker;

/**
 * Hands the rows of one subtask to its Python worker, which sorts them and writes files all the time, and asks it for a
 * part of the commit at each checkpoint. It has no state: what was not prepared is written again after a restore.
 */
final class TableStoreWriter implements CommittingSinkWriter<RowData, Part> {
    private final TableDescription table;
    private final Worker worker;
    private final BatchSender sender;
    private final Counter records;
    private final Counter bytes;
    private BatchWriter batch;
    private long rows;
    private long sent;
    private volatile long prepareMillis;
    private volatile long stalledMillis;

    TableStoreWriter(TableDescription table, WriterInitContext context) throws IOException {
        this.table = table;
        int subtask = context.getTaskInfo().getIndexOfThisSubtask();
        int parallelism = context.getTaskInfo().getNumberOfParallelSubtasks();
        String task = table.name() + "[" + (subtask + 1) + "/" + parallelism + "]";
        Map<String, String> more =
                Map.of("subtask", Integer.toString(subtask), "parallelism", Integer.toString(parallelism));
        worker = Workers.start(table, "writer", task, more);
        sender = new BatchSender(worker, table.rowType(), "tablestore sender of " + task);
        SinkWriterMetricGroup metrics = context.metricGroup();
        records = metrics.getNumRecordsSendCounter();
        bytes = metrics.getNumBytesSendCounter();
        metrics.setCurrentSendTimeGauge(sender::sendMillis);
        metrics.gauge("lastPrepareTimeMs", () -> prepareMillis);
        metrics.gauge("stalledTimeMs", () -> stalledMillis);
    }

    @Override
    public void write(RowData row, Context context) throws IOException, InterruptedException {
        RowKind kind = row.getRowKind();
        if (kind == RowKind.UPDATE_BEFORE) {
            return; // the row after the update replaces it
        }
        if (batch == null) {
            batch = sender.next();
        }
        try {
            batch.add(row, kind);
        } catch (SuppressRestartsException refused) {
            throw RefusedRow.of(table, refused);
        }
        rows++;
        if (batch.isFull()) {
            submit();
        }
    }

    @Override
    public void flush(boolean endOfInput) throws IOException, InterruptedException {
        submit();
    }

    /** The files of all rows since the last call; they are durable. */
    @Override
    public Collection<Part> prepareCommit() throws IOException, InterruptedException {
        submit();
        if (rows == 0) {
            return List.of();
        }
        sender.drain();
        Values reply = worker.call("prepare", Values.of()).values();
        int count = (int) reply.number("parts");
        List<byte[]> documents = new ArrayList<>(count);
        for (int index = 0; index < count; index++) {
            documents.add(reply.bytes("part-" + index));
        }
        prepareMillis = reply.number("millis");
        stalledMillis = reply.number("stalled-millis");
        rows = 0;
        return documents.isEmpty() ? List.of() : List.of(new Part(worker.ready().text("table"), documents));
    }

    private void submit() throws IOException, InterruptedException {
        if (batch == null || batch.isEmpty()) {
            return;
        }
        records.inc(batch.rows());
        sender.submit(batch);
        batch = null;
        long total = worker.bytesSent();
        bytes.inc(total - sent);
        sent = total;
    }

    @Override
    public void close() throws IOException {
        sender.end();
        worker.close();
    }
}
