package org.tablestore.flink.bridge;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.tablestore.flink.TableDescription;

/**
 * The Python process beside a subtask, and the conversation with it (spec §16.4).
 *
 * <p>Used by one thread at a time. Every call that waits ends at once with InterruptedException when its thread is
 * interrupted, and with an error when another thread closes the worker; after that only {@link #close} is left. Errors
 * that a restart of the job cannot help against are thrown as {@link SuppressRestartsException} around a
 * {@link WorkerException}.
 */
public final class Worker implements AutoCloseable {
    /** Version of the protocol that this jar speaks. */
    public static final int PROTOCOL = 1;

    private static final long CONNECT_MILLIS_MAX = 60_000;
    private static final int SOCKET_PATH_BYTES_MAX = 100;

    private final String title;
    private final WorkerProcess process;
    private final Connection connection;
    private Values ready;

    private Worker(String title, WorkerProcess process, Connection connection) {
        this.title = title;
        this.process = process;
        this.connection = connection;
    }

    /**
     * Starts a process, which opens the table, or creates it, and checks it against the description.
     *
     * @param role what the worker is to do: writer, committer, compactor, planner, reader or lookup
     * @param task the subtask for messages, such as {@code users[1/4]}
     * @param more further entries of the HELLO, by role
     */
    public static Worker start(TableDescription table, String role, String task, Map<String, String> more)
            throws IOException, InterruptedException {
        String title = role + " worker of " + task;
        Path folder = temporaryFolder();
        Path socket = folder.resolve("s");
        WorkerProcess process = null;
        Worker worker = null;
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(socket));
            process = WorkerProcess.start(title, table.python(), socket);
            Connection connection = new Connection(accept(server, process, title, table.python()));
            worker = new Worker(title, process, connection);
        } catch (WorkerException error) {
            throw error.raise();
        } finally {
            Files.deleteIfExists(socket);
            Files.deleteIfExists(folder);
            if (worker == null && process != null) {
                process.kill();
            }
        }
        boolean greeted = false;
        try {
            worker.greet(table, role, task, more);
            greeted = true;
            return worker;
        } finally {
            if (!greeted) {
                worker.close();
            }
        }
    }

    /** What the worker said when it was ready: protocol, library, table and version, and more by role. */
    public Values ready() {
        return ready;
    }

    /** Asks for something and waits for the answer. */
    public Reply call(String op, Values values) throws IOException, InterruptedException {
        return call(op, values, null);
    }

    /**
     * Asks for something, with rows if {@code rows} is not null, and waits for the answer. The rows are sent and not
     * cleared.
     */
    public Reply call(String op, Values values, BatchWriter rows) throws IOException, InterruptedException {
        Values request = Values.of("op", op);
        for (String name : values.names()) {
            request.put(name, values.bytes(name));
        }
        if (rows != null) {
            request.put("batch", 1);
        }
        try {
            connection.send(Connection.REQUEST, request.encode());
            if (rows != null) {
                rows.send(connection);
            }
            Values answer = Values.decode(expect(Connection.RESPONSE, "answer to '" + op + "'"));
            boolean more = answer.text("batch", "").equals("1");
            return new Reply(answer, more ? expect(Connection.BATCH, "rows of '" + op + "'") : null);
        } catch (IOException error) {
            throw explained(error, "'" + op + "'").raise();
        }
    }

    /**
     * Sends rows without waiting for an answer, as fast as the worker takes them; an error of an earlier batch is met
     * here or at the next call. The rows are not cleared.
     */
    public void send(BatchWriter rows) throws IOException, InterruptedException {
        try {
            rows.send(connection);
        } catch (IOException error) {
            throw explained(error, "a batch").raise();
        }
    }

    /** Bytes sent to the worker so far. */
    public long bytesSent() {
        return connection.sent();
    }

    /** Bytes received from the worker so far. */
    public long bytesReceived() {
        return connection.received();
    }

    /** The worker's process id, for messages and tests. */
    public long processId() {
        return process.id();
    }

    /**
     * Ends the conversation and the process: at once if this thread is interrupted, else after a short grace in which
     * the process may end by itself. May be called by any thread, more than once.
     */
    @Override
    public void close() throws IOException {
        connection.close();
        process.end();
    }

    private void greet(TableDescription table, String role, String task, Map<String, String> more)
            throws IOException, InterruptedException {
        Values hello = Values.of("protocol", Integer.toString(PROTOCOL))
                .put("role", role)
                .put("task", task)
                .put("table.path", table.path())
                .put("columns", TypeMapping.columns(table.rowType()))
                .put("primary-key", Json.array(table.primaryKey()))
                .put("partition-by", Json.array(table.partitionKeys()))
                .put("buckets", table.buckets())
                .put("options", Json.object(table.tableOptions()))
                .putAll(more);
        try {
            connection.send(Connection.HELLO, hello.encode());
            ready = Values.decode(expect(Connection.READY, "the greeting"));
            String theirs = ready.text("protocol");
            if (!theirs.equals(Integer.toString(PROTOCOL))) {
                String library = ready.text("library", "?");
                throw Installation.mismatch(title, table.python(), library, theirs, PROTOCOL);
            }
        } catch (IOException error) {
            throw explained(error, "the greeting").raise();
        }
    }

    /** The payload of the next message, which has to be of this kind. */
    private byte[] expect(int kind, String what) throws IOException, InterruptedException {
        Connection.Message message = connection.receive();
        if (message.kind() == Connection.ERROR) {
            throw reported(Values.decode(message.payload()));
        }
        if (message.kind() != kind) {
            throw new WorkerException(title + ": a message of kind " + message.kind() + " in place of " + what
                    + " (spec §16.4)", "FormatError", "bad-message", false);
        }
        return message.payload();
    }

    private WorkerException reported(Values error) throws WorkerException {
        String trace = error.text("trace", "");
        String message = error.text("class") + " in the TableStore " + title + ": " + error.text("message")
                + (trace.isEmpty() ? "" : "\nPython: " + trace.stripTrailing());
        boolean retry = error.text("retry", "true").equals("true");
        return new WorkerException(message, error.text("class"), error.text("code", ""), retry);
    }

    /** The error to throw when the conversation broke at {@code place}: what the worker reported, if it did. */
    private WorkerException explained(IOException error, String place) throws InterruptedException {
        if (error instanceof WorkerException known) {
            return known;
        }
        try {
            expect(0, place);
        } catch (WorkerException reported) {
            return reported;
        } catch (IOException gone) {
            error.addSuppressed(gone);
        }
        WorkerException lost = new WorkerException(
                "The TableStore " + title + " is gone at " + place + ": " + process.lastWords(),
                "WorkerEnded", "", true);
        lost.initCause(error);
        return lost;
    }

    private static SocketChannel accept(
            ServerSocketChannel server, WorkerProcess process, String title, String python)
            throws IOException, InterruptedException {
        server.configureBlocking(false);
        long end = System.nanoTime() + CONNECT_MILLIS_MAX * 1_000_000;
        while (true) {
            SocketChannel connected = server.accept();
            if (connected != null) {
                return connected;
            }
            if (!process.isAlive()) {
                String lastWords = process.lastWords();
                throw Installation.explain(title, python, lastWords, process.tail(), process.wasKilled());
            }
            if (System.nanoTime() > end) {
                throw new WorkerException("The TableStore " + title + " did not connect within "
                        + CONNECT_MILLIS_MAX / 1000 + " s: " + process.lastWords(), "WorkerSilent", "", true);
            }
            Thread.sleep(5);
        }
    }

    /** A fresh folder that only this user can enter, with a path short enough for a socket. */
    private static Path temporaryFolder() throws IOException {
        var mine = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
        Path usual = Path.of(System.getProperty("java.io.tmpdir"));
        boolean fits = usual.toString().getBytes().length + 32 <= SOCKET_PATH_BYTES_MAX;
        return Files.createTempDirectory(fits ? usual : Path.of("/tmp"), "ts-", mine);
    }
}
