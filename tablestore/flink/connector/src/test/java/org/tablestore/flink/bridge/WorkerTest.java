package org.tablestore.flink.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.RowType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tablestore.flink.TableDescription;

/** Processes of workers: what they can do wrong, and that nothing of them is left. */
@Timeout(30)
class WorkerTest {
    private static final RowType TYPE = RowType.of(new BigIntType(false));

    /** The protocol in a few lines; {@code serve(kind, payload)} is what a test lets the worker do. */
    private static final String PRELUDE =
            """
            #!/usr/bin/env python3
            import os, socket, struct, sys, time
            assert sys.argv[1:4] == ["-P", "-m", "tablestore.flink.worker"], sys.argv
            assert "PYTHONPATH" not in os.environ
            def pack(values):
                out = struct.pack("<I", len(values))
                for pair in values.items():
                    for text in pair:
                        out += struct.pack("<I", len(text.encode())) + text.encode()
                return out
            def send(kind, **values):
                payload = pack(values)
                peer.sendall(struct.pack("<IBBH", len(payload), kind, 0, 0) + payload)
            def receive():
                size, kind, _, _ = struct.unpack("<IBBH", peer.recv(8, socket.MSG_WAITALL))
                return kind, peer.recv(size, socket.MSG_WAITALL) if size else b""
            peer = socket.socket(socket.AF_UNIX)
            peer.connect(sys.argv[4])
            """;

    private static final String GREETING =
            """
            receive()
            send(2, protocol="1", library="0.1.0", table="t", version="0")
            """;

    @TempDir
    private Path folder;

    private Worker worker;

    @AfterEach
    void close() throws IOException {
        if (worker != null) {
            worker.close();
            assertFalse(ProcessHandle.of(worker.processId()).map(ProcessHandle::isAlive).orElse(false));
        }
    }

    private TableDescription table(String python) {
        return new TableDescription(
                "users", folder.resolve("users").toString(), TYPE, List.of("f0"), List.of(), 4, Map.of(), python);
    }

    private String script(String... lines) throws IOException {
        var executable = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
        Path file = Files.createFile(folder.resolve("python"), executable);
        return Files.writeString(file, PRELUDE + String.join("\n", lines) + "\n").toString();
    }

    private Worker start(String... lines) throws IOException, InterruptedException {
        worker = Worker.start(table(script(lines)), "writer", "users[1/2]", Map.of("mode", "full"));
        return worker;
    }

    private static WorkerException suppressed(Executable call) {
        SuppressRestartsException error = assertThrows(SuppressRestartsException.class, call::run);
        return (WorkerException) error.getCause();
    }

    /** Code that throws. */
    private interface Executable {
        void run() throws Exception;
    }

    @Test
    void asksAndIsAnswered() throws Exception {
        start(GREETING, "kind, payload = receive()", "assert kind == 3 and b'prepare' in payload",
                "send(4, answer='42')", "peer.recv(1)");
        assertEquals("t", worker.ready().text("table"));
        Reply reply = worker.call("prepare", Values.of("checkpoint", "7"));
        assertEquals(42, reply.values().number("answer"));
        assertFalse(reply.hasBatch());
    }

    @Test
    void missingPythonSaysWhatToDo() {
        WorkerException error = suppressed(
                () -> Worker.start(table("/nowhere/python3"), "writer", "users[1/2]", Map.of()));
        assertTrue(error.getMessage().contains("'/nowhere/python3'"), error.getMessage());
        assertTrue(error.getMessage().contains("pip install tablestore-lsm"), error.getMessage());
        assertTrue(error.getMessage().contains("'python.executable'"), error.getMessage());
    }

    @Test
    void missingPackageSaysWhatToDo() throws IOException {
        Path bare = folder.resolve("bare");
        var executable = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
        Files.writeString(Files.createFile(bare, executable), "#!/bin/sh\nexec python3 -S -s \"$@\"\n");
        WorkerException error =
                suppressed(() -> Worker.start(table(bare.toString()), "writer", "users[1/2]", Map.of()));
        assertEquals("MissingPackage", error.errorClass());
        assertTrue(error.getMessage().contains("pip install tablestore-lsm"), error.getMessage());
        assertTrue(error.getMessage().contains("No module named"), error.getMessage());
    }

    @Test
    void anotherProtocolNamesBothVersions() {
        WorkerException error = suppressed(
                () -> start("receive()", "send(2, protocol='2', library='9.9', table='t', version='0')"));
        assertTrue(error.getMessage().contains("9.9") && error.getMessage().contains("version 2"), error.getMessage());
    }

    @Test
    void errorThatRestartsCannotHelpSuppressesThem() {
        WorkerException error = suppressed(() -> start("receive()",
                "send(6, **{'class': 'ConnectorError'}, message='it differs', code='table-mismatch', retry='false')"));
        assertEquals("table-mismatch", error.code());
        assertTrue(error.getMessage().contains("writer worker of users[1/2]: it differs"), error.getMessage());
    }

    @Test
    void errorOfARequestLeavesTheConversationInOrder() throws Exception {
        start(GREETING, "receive()", "send(6, **{'class': 'StorageError'}, message='busy', code='', retry='true')",
                "receive()", "send(4)", "peer.recv(1)");
        WorkerException error = assertThrows(WorkerException.class, () -> worker.call("a", Values.of()));
        assertTrue(error.retry());
        worker.call("b", Values.of());
    }

    @Test
    void deadWorkerIsReportedWithItsLastOutput() throws Exception {
        start(GREETING, "receive()", "print('out of luck')", "os.kill(os.getpid(), 9)");
        WorkerException error = assertThrows(WorkerException.class, () -> worker.call("a", Values.of()));
        assertTrue(error.getMessage().contains("signal 9"), error.getMessage());
        assertTrue(error.getMessage().contains("out of luck"), error.getMessage());
        assertTrue(error.retry());
    }

    @Test
    void errorAfterABatchEndsASendThatWaits() throws Exception {
        start(GREETING, "receive()",
                "send(6, **{'class': 'SchemaError'}, message='refused', code='bad-value', retry='false')",
                "time.sleep(60)");
        WorkerException error = suppressed(() -> {
            while (true) {
                worker.send(batch());
            }
        });
        assertEquals("bad-value", error.code());
    }

    @Test
    void interruptEndsACallOfAHungWorker() throws Exception {
        start(GREETING, "import signal", "signal.signal(signal.SIGTERM, signal.SIG_IGN)", "receive()",
                "time.sleep(60)");
        assertInterrupted(() -> worker.call("a", Values.of()));
    }

    @Test
    void interruptEndsASendToAHungWorker() throws Exception {
        start(GREETING, "time.sleep(60)");
        assertInterrupted(() -> {
            while (true) {
                worker.send(batch());
            }
        });
    }

    /** The call ends at once, and so does the process when the interrupted thread closes the worker. */
    private void assertInterrupted(Executable call) throws Exception {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread task = new Thread(() -> {
            try {
                call.run();
            } catch (Throwable error) {
                thrown.set(error);
                Thread.currentThread().interrupt();
                closeQuietly();
            }
        });
        task.start();
        Thread.sleep(300);
        long begin = System.nanoTime();
        task.interrupt();
        task.join(5_000);
        assertEquals(InterruptedException.class, thrown.get().getClass());
        assertTrue(System.nanoTime() - begin < 1_000_000_000L);
        ProcessHandle.of(worker.processId()).ifPresent(process -> process.onExit().join());
    }

    private void closeQuietly() {
        try {
            worker.close();
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
    }

    @Test
    void closeByAnotherThreadEndsACall() throws Exception {
        start(GREETING, "receive()", "time.sleep(60)");
        Thread closer = new Thread(() -> {
            try {
                Thread.sleep(200);
                worker.close();
            } catch (IOException | InterruptedException error) {
                throw new IllegalStateException(error);
            }
        });
        closer.start();
        assertThrows(WorkerException.class, () -> worker.call("a", Values.of()));
        closer.join();
    }

    @Test
    void nothingIsLeftOfAWorkerThatDoesNotConnect() throws Exception {
        Path pid = folder.resolve("pid");
        String python = script("open('" + pid + "', 'w').write(str(os.getpid()))", "sys.exit(7)");
        Throwable error = assertThrows(SuppressRestartsException.class, () -> {
            Files.writeString(Path.of(python), Files.readString(Path.of(python))
                    .replace("peer.connect(sys.argv[4])", ""));
            Worker.start(table(python), "writer", "users[1/2]", Map.of());
        });
        assertTrue(error.getCause().getMessage().contains("does not seem to be Python"), error.getCause().getMessage());
        long process = Long.parseLong(Files.readString(pid));
        assertFalse(ProcessHandle.of(process).map(ProcessHandle::isAlive).orElse(false));
    }

    @Test
    void programsThatAreNotPythonEndTheJob() {
        for (String program : List.of("/bin/true", "/bin/cat", "/nowhere/python3")) {
            Throwable error = assertThrows(
                    SuppressRestartsException.class,
                    () -> Worker.start(table(program), "writer", "users[1/2]", Map.of()));
            String message = error.getCause().getMessage();
            assertTrue(message.contains("'" + program + "'") && message.contains("'python.executable'"), message);
        }
    }

    @Test
    void aWorkerThatIsKilledAtItsStartIsWorthAnotherAttempt() throws Exception {
        String python = script("os.kill(os.getpid(), 9)");
        Files.writeString(Path.of(python), Files.readString(Path.of(python))
                .replace("peer.connect(sys.argv[4])", ""));
        WorkerException error = assertThrows(
                WorkerException.class, () -> Worker.start(table(python), "writer", "users[1/2]", Map.of()));
        assertTrue(error.retry() && error.getMessage().contains("was ended by signal 9"), error.getMessage());
    }

    private static BatchWriter batch() {
        BatchWriter batch = new BatchWriter(TYPE);
        while (!batch.isFull()) {
            batch.add(GenericRowData.of((long) batch.rows()));
        }
        return batch;
    }
}
