package org.tablestore.flink.testing;

import java.util.List;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.table.data.RowData;

/** A deterministic source without a queue between threads: several million rows per second and core. */
final class GeneratorSource
        implements Source<RowData, GeneratorSplit, List<GeneratorSplit>>, ResultTypeQueryable<RowData> {
    private static final long serialVersionUID = 1;

    private final GeneratedRows rows;
    private final long stepsOfSplit;
    private final double rowsPerSecond;
    private final String gate;
    private final TypeInformation<RowData> type;

    GeneratorSource(
            GeneratedRows rows,
            long stepsOfSplit,
            double rowsPerSecond,
            String gate,
            TypeInformation<RowData> type) {
        this.rows = rows;
        this.stepsOfSplit = stepsOfSplit;
        this.rowsPerSecond = rowsPerSecond;
        this.gate = gate;
        this.type = type;
    }

    @Override
    public Boundedness getBoundedness() {
        return Boundedness.BOUNDED;
    }

    @Override
    public SourceReader<RowData, GeneratorSplit> createReader(SourceReaderContext context) {
        return new GeneratorReader(rows, stepsOfSplit, rowsPerSecond, gate);
    }

    @Override
    public SplitEnumerator<GeneratorSplit, List<GeneratorSplit>> createEnumerator(
            SplitEnumeratorContext<GeneratorSplit> context) {
        return new GeneratorEnumerator(context, GeneratorEnumerator.all(rows.splits()));
    }

    @Override
    public SplitEnumerator<GeneratorSplit, List<GeneratorSplit>> restoreEnumerator(
            SplitEnumeratorContext<GeneratorSplit> context, List<GeneratorSplit> waiting) {
        return new GeneratorEnumerator(context, waiting);
    }

    @Override
    public SimpleVersionedSerializer<GeneratorSplit> getSplitSerializer() {
        return new GeneratorSplit.Serializer();
    }

    @Override
    public SimpleVersionedSerializer<List<GeneratorSplit>> getEnumeratorCheckpointSerializer() {
        return new GeneratorEnumerator.Serializer();
    }

    @Override
    public TypeInformation<RowData> getProducedType() {
        return type;
    }
}
