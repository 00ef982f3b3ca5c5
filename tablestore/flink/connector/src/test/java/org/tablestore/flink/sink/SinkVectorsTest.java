package org.tablestore.flink.sink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tablestore.flink.vectors.Vectors;
import org.tablestore.flink.vectors.Vectors.Vector;

/** What the connector decides of routing and commits, against the vectors of spec chapter 16. */
class SinkVectorsTest {
    static List<Vector> routes() {
        return Vectors.of("flink", "route");
    }

    /** Those whose number is in the table: there it matters whether the connector calls them a replay. */
    static List<Vector> commits() {
        return Vectors.of("flink", "commit").stream()
                .filter(vector -> vector.input().get("last").asLong() >= vector.input().get("checkpoint").asLong())
                .toList();
    }

    @ParameterizedTest
    @MethodSource("routes")
    void route(Vector vector) {
        JsonNode given = vector.input();
        int writer = BucketPartitioner.writerOf(
                given.get("bucket").asInt(), given.get("buckets").asInt(), given.get("writers").asInt());
        assertEquals(vector.output().asInt(), writer);
    }

    @ParameterizedTest
    @MethodSource("commits")
    void commit(Vector vector) {
        JsonNode given = vector.input();
        boolean replay = TableStoreCommitter.isReplay(
                given.get("checkpoint").asLong(), given.get("restored").asLong(), given.get("tried").asBoolean());
        assertEquals(vector.error().isEmpty(), replay);
    }
}
