package org.tablestore.flink.sink;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.StringSerializer;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.api.connector.sink2.CommittableSummary;
import org.apache.flink.streaming.api.connector.sink2.CommittableWithLineage;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.table.api.TableException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tablestore.flink.TableDescription;
import org.tablestore.flink.bridge.Values;
import org.tablestore.flink.bridge.Worker;

/**
 * Makes one committable of the parts of all writers at each checkpoint, and one more when the input has
 * ended. Runs once in a sink. Its state is the sink id (spec §16.8): who restores it goes on under the same
 * identity. Behind it is the id of the table, once there were rows: a job goes on with no other table.
 */
final class CommittableAggregator extends AbstractStreamOperator<CommittableMessage<Committable>>
        implements OneInputStreamOperator<CommittableMessage<Part>, CommittableMessage<Committable>> {
    private static final long serialVersionUID = 1L;
    private static final Logger LOGGER = LoggerFactory.getLogger(CommittableAggregator.class);
    private static final ListStateDescriptor<String> SINK_ID =
            new ListStateDescriptor<>("tablestore-sink-id", StringSerializer.INSTANCE);

    private final TableDescription table;
    private final boolean newIdentity;
    private transient List<byte[]> documents;
    private transient ListState<String> state;
    private transient String sinkId;
    private transient String tableId;
    private transient long lastCheckpoint;

    /** @param newIdentity whether a job that was set back goes on under a new identity, rather than fail */
    CommittableAggregator(TableDescription table, boolean newIdentity) {
        this.table = table;
        this.newIdentity = newIdentity;
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        super.initializeState(context);
        documents = new ArrayList<>();
        lastCheckpoint = context.getRestoredCheckpointId().orElse(0);
        state = context.getOperatorStateStore().getListState(SINK_ID);
        Iterator<String> restored = state.get().iterator();
        if (restored.hasNext()) {
            sinkId = restored.next();
            tableId = restored.hasNext() ? restored.next() : null;
            checkTable();
        } else {
            sinkId = UUID.randomUUID().toString();
        }
        remember();
    }

    private void remember() throws Exception {
        state.update(tableId == null ? List.of(sinkId) : List.of(sinkId, tableId));
    }

    /** The table must be the same, without commits of this sink that are newer than what was restored. */
    private void checkTable() throws IOException, InterruptedException {
        Values request = Values.of("sink", sinkId)
                .put("restored", lastCheckpoint)
                .put("accept", Boolean.toString(newIdentity));
        try (Worker worker = Worker.start(table, "committer", table.name() + " at its restore", Map.of())) {
            String found = worker.ready().text("table");
            if (tableId != null && !tableId.equals(found)) {
                throw new SuppressRestartsException(new TableException("The table '" + table.name() + "' at "
                        + table.path() + " is not the one that this job has written: it was deleted or replaced (its id"
                        + " was " + tableId + " and is " + found + "). Put it back, or start the job anew, without its"
                        + " state."));
            }
            Values reply = worker.call("restore", request).values();
            long last = reply.number("last");
            if (last > lastCheckpoint) {
                String renewed = UUID.randomUUID().toString();
                LOGGER.warn("The job was restored from checkpoint {}, but the table {} has its commits up to"
                        + " checkpoint {}:"
                        + " sink {} goes on as {}.", lastCheckpoint, table.path(), last, sinkId, renewed);
                sinkId = renewed;
            }
        }
    }

    @Override
    public void processElement(StreamRecord<CommittableMessage<Part>> element) throws Exception {
        if (element.getValue() instanceof CommittableWithLineage<Part> part) {
            if (tableId == null) {
                tableId = part.getCommittable().table();
                remember();
            }
            documents.addAll(part.getCommittable().documents());
        }
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpoint) {
        lastCheckpoint = checkpoint;
        emit(checkpoint);
    }

    /**
     * The last committable has the number after the last checkpoint: commits ascend, and the committer
     * commits what is not beyond the final checkpoint.
     */
    @Override
    public void finish() throws Exception {
        emit(lastCheckpoint + 1);
        super.finish();
    }

    @SuppressWarnings("deprecation") // the constructor that all releases have
    private void emit(long checkpoint) {
        if (documents.isEmpty()) {
            return;
        }
        Committable committable = new Committable(sinkId, checkpoint, List.copyOf(documents));
        documents.clear();
        output.collect(new StreamRecord<>(new CommittableSummary<>(0, 1, checkpoint, 1, 0, 0)));
        output.collect(new StreamRecord<>(new CommittableWithLineage<>(committable, checkpoint, 0)));
    }
}
