package org.tablestore.flink.bridge;

import java.io.IOException;
import org.apache.flink.runtime.execution.SuppressRestartsException;

/** A Python worker could not be started, reported an error, or is gone. */
public final class WorkerException extends IOException {
    private static final long serialVersionUID = 1L;

    private final String errorClass;
    private final String code;
    private final boolean retry;

    /**
     * @param errorClass name of the Python error, or what the connector calls its own
     * @param code the error code of spec appendix A, or empty
     * @param retry whether a restart of the job may help
     */
    public WorkerException(String message, String errorClass, String code, boolean retry) {
        super(message);
        this.errorClass = errorClass;
        this.code = code;
        this.retry = retry;
    }

    public String errorClass() {
        return errorClass;
    }

    public String code() {
        return code;
    }

    public boolean retry() {
        return retry;
    }

    /**
     * Throws this error in the form that Flink understands: wrapped, so that the job fails for good, if restarts cannot
     * help. Never returns; declared to return so that callers can write {@code throw error.raise()}.
     */
    public WorkerException raise() throws WorkerException {
        if (!retry) {
            throw new SuppressRestartsException(this);
        }
        throw this;
    }
}
