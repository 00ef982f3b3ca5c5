package org.tablestore.flink.sink;

import java.io.IOException;
import java.util.Map;
import org.tablestore.flink.TableDescription;
import org.tablestore.flink.bridge.Worker;

/** Starts workers where Flink's interfaces know no interruption. */
final class Workers {
    private Workers() {}

    static Worker start(TableDescription table, String role, String task, Map<String, String> more)
            throws IOException {
        try {
            return Worker.start(table, role, task, more);
        } catch (InterruptedException cancelled) {
            Thread.currentThread().interrupt();
            throw new IOException("The task was cancelled while its Python worker was started.", cancelled);
        }
    }
}
