package org.tablestore.flink.bridge;

import java.util.List;
import java.util.Locale;

/** Says what to do when Python or the library is missing or does not fit. */
final class Installation {
    static final String ADVICE = "Every host of the Flink cluster, TaskManagers and JobManager, needs Python"
            + " 3.11 or later with"
            + " the library: run 'python3 -m pip install tablestore-lsm' there, or name the Python that has"
            + " it by the table"
            + " option 'python.executable'.";

    private Installation() {}

    /**
     * The error for a worker that ended before it connected, from what it printed.
     *
     * @param killed whether somebody has killed it, and it may fare better the next time
     */
    static WorkerException explain(
            String title, String python, String lastWords, List<String> tail, boolean killed) {
        String output = String.join("\n", tail);
        if (output.contains("No module named") || output.contains("ModuleNotFoundError")) {
            return error("The Python '" + python + "' of the TableStore " + title
                    + " lacks a package. " + ADVICE + "\nWorker " + lastWords, "MissingPackage", false);
        }
        if (output.contains("unknown option -P") || output.contains("Unknown option: -P")
                || output.contains("SyntaxError") || output.contains("ImportError")) {
            return error("The Python '" + python + "' of the TableStore " + title
                    + " is too old or its packages do not fit together. " + ADVICE + "\nWorker " + lastWords,
                    "WrongPython", false);
        }
        boolean isPython = output.contains("Traceback (most recent call last)");
        if (!killed && !isPython && !output.toLowerCase(Locale.ROOT).contains("memory")) {
            return error("The '" + python + "' of the TableStore " + title + " does not seem to be Python: "
                    + lastWords + "\n" + ADVICE, "WrongPython", false);
        }
        return error("The TableStore " + title + " did not start: Python '" + python + "', " + lastWords,
                "WorkerEnded", true);
    }

    /** The error for a library that speaks another version of the protocol. */
    static WorkerException mismatch(String title, String python, String library, String theirs, int ours) {
        return error("The library tablestore " + library + " in the Python '" + python + "' of the TableStore " + title
                + " speaks version " + theirs + " of the protocol, this jar speaks version " + ours
                + ". Install the same release of both: 'python3 -m pip install -U tablestore-lsm', and copy"
                + " the jar that"
                + " 'python3 -m tablestore.flink jar' prints into Flink's lib folder.", "VersionMismatch", false);
    }

    private static WorkerException error(String message, String errorClass, boolean retry) {
        return new WorkerException(message, errorClass, "", retry);
    }
}
