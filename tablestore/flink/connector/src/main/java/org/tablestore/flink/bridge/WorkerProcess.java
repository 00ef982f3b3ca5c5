package org.tablestore.flink.bridge;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The Python process of a worker, whose output goes to the task's log line by line; its last lines are kept. */
final class WorkerProcess {
    private static final Logger LOG = LoggerFactory.getLogger(Worker.class);
    private static final int LINES_KEPT = 20;
    private static final int LINE_SIZE_MAX = 4096;
    private static final int SIGNALS = 128; // an exit status above it is a signal
    /** What a machine lacks for the moment: processes (11), memory (12), open files (23, 24); a busy file (26). */
    private static final Pattern PASSING = Pattern.compile("error=(11|12|23|24|26),");
    /** How long a process may take to end by itself when its socket is closed. */
    private static final long GRACE_MILLIS = 2_000;

    private final String title;
    private final Process process;
    private final Thread reader;
    private final Deque<String> lines = new ArrayDeque<>();

    private WorkerProcess(String title, Process process) {
        this.title = title;
        this.process = process;
        reader = new Thread(this::read, "tablestore " + title);
        reader.setDaemon(true);
        reader.start();
    }

    /**
     * Starts {@code python -m tablestore.flink.worker socket}, outside of PyFlink's environment and the
     * working folder.
     */
    static WorkerProcess start(String title, String python, Path socket) throws WorkerException {
        // -P: modules come from the environment of Python, never from the folder that Flink was started in
        ProcessBuilder builder =
                new ProcessBuilder(python, "-P", "-m", "tablestore.flink.worker", socket.toString());
        builder.redirectErrorStream(true);
        builder.environment().keySet().removeAll(List.of("PYTHONPATH", "PYTHONHOME"));
        builder.environment().put("PYTHONUNBUFFERED", "1");
        // NumPy would start threads for algebra, of which there is none: a tenth of the worker's start
        builder.environment().putIfAbsent("OPENBLAS_NUM_THREADS", "1");
        try {
            Process process = builder.start();
            process.getOutputStream().close();
            return new WorkerProcess(title, process);
        } catch (IOException error) {
            throw new WorkerException("Cannot start Python for the TableStore " + title + ": '" + python + "': "
                    + error.getMessage() + ". " + Installation.ADVICE, "MissingPython", "", mayPass(error));
        }
    }

    private static boolean mayPass(IOException error) {
        return PASSING.matcher(String.valueOf(error.getMessage())).find();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Whether a signal has ended the process. */
    boolean wasKilled() {
        return !process.isAlive() && process.exitValue() > SIGNALS;
    }

    long id() {
        return process.pid();
    }

    /** What is known of the end of the process, and the last lines that it printed. */
    String lastWords() throws InterruptedException {
        if (process.waitFor(500, TimeUnit.MILLISECONDS)) {
            reader.join(500);
        }
        String state = process.isAlive() ? "is still running" : status(process.exitValue());
        List<String> last = tail();
        return "process " + process.pid() + " " + state
                + (last.isEmpty() ? "; it printed nothing." : "; its last output:\n  " + String.join("\n  ", last));
    }

    /** The last lines that were printed, oldest first. */
    List<String> tail() {
        synchronized (lines) {
            return new ArrayList<>(lines);
        }
    }

    /** Lets the process end by itself for a moment unless this thread is interrupted, then kills it. */
    void end() {
        try {
            if (!process.waitFor(GRACE_MILLIS, TimeUnit.MILLISECONDS)) {
                LOG.warn("{}: Python process {} did not end by itself and is killed", title, process.pid());
                kill();
                process.waitFor(GRACE_MILLIS, TimeUnit.MILLISECONDS);
            }
        } catch (InterruptedException interrupted) {
            kill();
            Thread.currentThread().interrupt();
        }
    }

    /** Kills the process and its children, if they still live. */
    void kill() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    private static String status(int exit) {
        return exit > SIGNALS ? "was ended by signal " + (exit - SIGNALS) : "ended with exit status " + exit;
    }

    private void read() {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        try (InputStream output = process.getInputStream()) {
            byte[] chunk = new byte[8192];
            for (int count = output.read(chunk); count >= 0; count = output.read(chunk)) {
                for (int index = 0; index < count; index++) {
                    if (chunk[index] == '\n' || line.size() == LINE_SIZE_MAX) {
                        keep(line);
                    }
                    if (chunk[index] != '\n') {
                        line.write(chunk[index]);
                    }
                }
            }
        } catch (IOException closed) {
            LOG.debug("{}: output of Python closed", title, closed);
        }
        if (line.size() > 0) {
            keep(line);
        }
    }

    private void keep(ByteArrayOutputStream bytes) {
        String line = bytes.toString(UTF_8).stripTrailing();
        bytes.reset();
        if (line.toLowerCase(Locale.ROOT).contains("error")) {
            LOG.warn("{}: {}", title, line);
        } else {
            LOG.info("{}: {}", title, line);
        }
        synchronized (lines) {
            lines.addLast(line);
            if (lines.size() > LINES_KEPT) {
                lines.removeFirst();
            }
        }
    }
}
