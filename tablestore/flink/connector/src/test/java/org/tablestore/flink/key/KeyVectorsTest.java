package org.tablestore.flink.key;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.binary.BinaryRowData;
import org.apache.flink.table.runtime.typeutils.RowDataSerializer;
import org.apache.flink.table.types.logical.RowType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tablestore.flink.vectors.SpecTypes;
import org.tablestore.flink.vectors.SpecValues;
import org.tablestore.flink.vectors.Vectors;
import org.tablestore.flink.vectors.Vectors.Vector;

/** Keys, hashes and buckets against the vectors of spec chapters 1 and 3. */
class KeyVectorsTest {
    static List<Vector> hashes() {
        return Stream.of(Vectors.of("primitive", "hash64"), Vectors.of("key", "hash")).flatMap(List::stream).toList();
    }

    static List<Vector> buckets() {
        return Vectors.of("key", "bucket");
    }

    static List<Vector> keys() {
        return Vectors.of("key", "encode").stream().filter(vector -> type(vector).isPresent()).toList();
    }

    private static Optional<RowType> type(Vector vector) {
        return SpecTypes.tuple(vector.input().get("types"));
    }

    @ParameterizedTest
    @MethodSource("hashes")
    void hash(Vector vector) {
        assertEquals(vector.output().asText(), String.format("%016x", Hash64.of(vector.data())));
    }

    @ParameterizedTest
    @MethodSource("hashes")
    void hashOfPartOfAnArray(Vector vector) {
        byte[] data = vector.data();
        byte[] longer = new byte[data.length + 9];
        System.arraycopy(data, 0, longer, 5, data.length);
        assertEquals(vector.output().asText(), String.format("%016x", Hash64.of(longer, 5, data.length)));
    }

    @ParameterizedTest
    @MethodSource("buckets")
    void bucket(Vector vector) {
        int buckets = vector.input().get("buckets").asInt();
        assertEquals(vector.output().asInt(), Buckets.of(Hash64.of(vector.data()), buckets));
    }

    @ParameterizedTest
    @MethodSource("keys")
    void encode(Vector vector) {
        RowType type = type(vector).orElseThrow();
        int[] indexes = IntStream.range(0, type.getFieldCount()).toArray();
        if (vector.error().equals("schema-mismatch")) {
            assertThrows(ValidationException.class, () -> new KeyEncoder(type, indexes));
            return;
        }
        KeyEncoder encoder = new KeyEncoder(type, indexes);
        RowData row = SpecValues.row(type, vector.input().get("values"));
        if (!vector.error().isEmpty()) {
            assertThrows(SuppressRestartsException.class, () -> encoder.encode(row));
            return;
        }
        encoder.encode(row);
        assertEquals(vector.output().asText(), HexFormat.of().formatHex(encoder.copy()));
        BinaryRowData binary = new RowDataSerializer(type).toBinaryRow(row);
        encoder.encode(binary);
        assertEquals(vector.output().asText(), HexFormat.of().formatHex(encoder.copy()), "from a binary row");
    }

    @Test
    void onlyTypesThatSqlLacksAreLeftOut() {
        for (Vector vector : Vectors.of("key", "encode")) {
            List<String> types = new ArrayList<>();
            vector.input().get("types").forEach(each -> types.add(each.toString()));
            assertEquals(type(vector).isEmpty(), types.stream().anyMatch(SpecTypes::isForeign), vector::name);
        }
    }

    @Test
    void hashesAreUnsignedAndRangesAreEven() {
        assertEquals(0, Buckets.of(0, 4));
        assertEquals(1, Buckets.of(0x7FFFFFFFFFFFFFFFL, 4));
        assertEquals(2, Buckets.of(0x8000000000000000L, 4));
        assertEquals(3, Buckets.of(-1L, 4));
        assertEquals(65_535, Buckets.of(-1L, 65_536));
        assertEquals(0, Buckets.of(-1L, 1));
    }
}
