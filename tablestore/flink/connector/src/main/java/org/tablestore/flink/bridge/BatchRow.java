package org.tablestore.flink.bridge;

import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.MapData;
import org.apache.flink.table.data.RawValueData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.data.columnar.vector.ArrayColumnVector;
import org.apache.flink.table.data.columnar.vector.BooleanColumnVector;
import org.apache.flink.table.data.columnar.vector.ByteColumnVector;
import org.apache.flink.table.data.columnar.vector.BytesColumnVector;
import org.apache.flink.table.data.columnar.vector.DecimalColumnVector;
import org.apache.flink.table.data.columnar.vector.DoubleColumnVector;
import org.apache.flink.table.data.columnar.vector.FloatColumnVector;
import org.apache.flink.table.data.columnar.vector.IntColumnVector;
import org.apache.flink.table.data.columnar.vector.LongColumnVector;
import org.apache.flink.table.data.columnar.vector.MapColumnVector;
import org.apache.flink.table.data.columnar.vector.RowColumnVector;
import org.apache.flink.table.data.columnar.vector.ShortColumnVector;
import org.apache.flink.table.data.columnar.vector.TimestampColumnVector;
import org.apache.flink.types.RowKind;
import org.apache.flink.types.variant.Variant;
import org.tablestore.flink.bridge.PlainVectors.Vector;

/**
 * One row of a batch. Flink's own row over columns would make three objects of every text; here all texts of
 * a batch share the one segment over its message.
 */
final class BatchRow implements RowData {
    private final Vector[] columns;
    private int index;
    private RowKind kind;

    BatchRow(Vector[] columns) {
        this.columns = columns;
    }

    BatchRow moveTo(int row, RowKind itsKind) {
        index = row;
        kind = itsKind;
        return this;
    }

    @Override
    public int getArity() {
        return columns.length;
    }

    @Override
    public RowKind getRowKind() {
        return kind;
    }

    @Override
    public void setRowKind(RowKind other) {
        kind = other;
    }

    @Override
    public boolean isNullAt(int column) {
        return columns[column].isNullAt(index);
    }

    @Override
    public boolean getBoolean(int column) {
        return ((BooleanColumnVector) columns[column]).getBoolean(index);
    }

    @Override
    public byte getByte(int column) {
        return ((ByteColumnVector) columns[column]).getByte(index);
    }

    @Override
    public short getShort(int column) {
        return ((ShortColumnVector) columns[column]).getShort(index);
    }

    @Override
    public int getInt(int column) {
        return ((IntColumnVector) columns[column]).getInt(index);
    }

    @Override
    public long getLong(int column) {
        return ((LongColumnVector) columns[column]).getLong(index);
    }

    @Override
    public float getFloat(int column) {
        return ((FloatColumnVector) columns[column]).getFloat(index);
    }

    @Override
    public double getDouble(int column) {
        return ((DoubleColumnVector) columns[column]).getDouble(index);
    }

    @Override
    public StringData getString(int column) {
        return ((ByteVectors.Variable) columns[column]).getString(index);
    }

    @Override
    public DecimalData getDecimal(int column, int precision, int scale) {
        return ((DecimalColumnVector) columns[column]).getDecimal(index, precision, scale);
    }

    @Override
    public TimestampData getTimestamp(int column, int precision) {
        return ((TimestampColumnVector) columns[column]).getTimestamp(index, precision);
    }

    @Override
    public <T> RawValueData<T> getRawValue(int column) {
        throw new UnsupportedOperationException("A table has no columns of type RAW.");
    }

    @Override
    public Variant getVariant(int column) {
        throw new UnsupportedOperationException("A table has no columns of type VARIANT.");
    }

    @Override
    public byte[] getBinary(int column) {
        return ((BytesColumnVector) columns[column]).getBytes(index).getBytes();
    }

    @Override
    public ArrayData getArray(int column) {
        return ((ArrayColumnVector) columns[column]).getArray(index);
    }

    @Override
    public MapData getMap(int column) {
        return ((MapColumnVector) columns[column]).getMap(index);
    }

    @Override
    public RowData getRow(int column, int fields) {
        return ((RowColumnVector) columns[column]).getRow(index);
    }
}
