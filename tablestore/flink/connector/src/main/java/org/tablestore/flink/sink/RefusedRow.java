package org.tablestore.flink.sink;

import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.table.api.TableException;
import org.tablestore.flink.TableDescription;

/** A row that a table cannot hold: the job ends with it, because it would come again after a restart. */
final class RefusedRow {
    private RefusedRow() {}

    /** The error with the table's name; what is wrong is the message of its cause. */
    static SuppressRestartsException of(TableDescription table, SuppressRestartsException error) {
        String reason = error.getCause() == null ? error.getMessage() : error.getCause().getMessage();
        return new SuppressRestartsException(
                new TableException("Table '" + table.name() + "' at " + table.path() + " cannot hold a row: "
                        + reason, error));
    }
}
