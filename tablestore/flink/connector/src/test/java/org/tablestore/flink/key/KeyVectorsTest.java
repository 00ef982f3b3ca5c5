package org.tablestore.flink.key;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.binary.BinaryRowData;
import org.apache.flink.table.runtime.typeutils.RowDataSerializer;
import org.apache.flink.table.types.logical.IntType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.VarBinaryType;
import org.apache.flink.table.types.logical.VarCharType;
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

    @Test
    void escapesAreThoseOfTheSpecForAnyBytes() {
        RowType type = RowType.of(new VarBinaryType(false, 100), new VarCharType(false, 100), new IntType(false));
        KeyEncoder encoder = new KeyEncoder(type, new int[] {0, 1, 2});
        Random random = new Random(7);
        for (int round = 0; round < 2_000; round++) {
            byte[] blob = new byte[random.nextInt(90)];
            byte[] text = new byte[random.nextInt(90)];
            for (int index = 0; index < blob.length; index++) {
                blob[index] = (byte) (random.nextInt(6) - 2);
            }
            for (int index = 0; index < text.length; index++) {
                text[index] = (byte) random.nextInt(random.nextBoolean() ? 4 : 128);
            }
            ByteArrayOutputStream expected = new ByteArrayOutputStream();
            for (byte[] part : List.of(blob, text)) {
                for (byte each : part) {
                    if (each == 0 || each == 1) {
                        expected.write(1);
                    }
                    expected.write(each);
                }
                expected.write(0);
            }
            expected.writeBytes(new byte[] {(byte) 0x80, 0, 0, 5});
            GenericRowData row = GenericRowData.of(blob, StringData.fromBytes(text), 5);
            for (RowData each : List.of(row, new RowDataSerializer(type).toBinaryRow(row))) {
                encoder.encode(each);
                assertArrayEquals(expected.toByteArray(), encoder.copy());
            }
        }
    }
}
