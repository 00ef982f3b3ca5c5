package org.tablestore.flink.bridge;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;

/**
 * Messages over the socket of a worker (spec §16.2). Used by one thread at a time; that thread may be
 * interrupted and another may close the connection, which both end a wait at once. After either, or after an
 * error, it is of no more use.
 */
final class Connection implements Closeable {
    static final int HELLO = 1;
    static final int READY = 2;
    static final int REQUEST = 3;
    static final int RESPONSE = 4;
    static final int BATCH = 5;
    static final int ERROR = 6;

    private static final int HEADER_SIZE = 8;
    private static final int CHUNK_SIZE = 256 << 10;
    private static final byte[] ZEROS = new byte[8];

    private final SocketChannel channel;
    private final Selector selector;
    private final SelectionKey key;
    private final ByteBuffer out = ByteBuffer.allocateDirect(CHUNK_SIZE).order(ByteOrder.LITTLE_ENDIAN);
    private final ByteBuffer in =
            ByteBuffer.allocateDirect(CHUNK_SIZE).order(ByteOrder.LITTLE_ENDIAN).limit(0);
    private long sent;
    private long received;

    /** One message as it came. */
    record Message(int kind, byte[] payload) {}

    /** The worker closed its end, or this end was closed. */
    static final class EndException extends IOException {
        private static final long serialVersionUID = 1L;
    }

    /** Sent in place of a REQUEST or BATCH: the message that came in unasked, always an ERROR. */
    static final class UnaskedException extends IOException {
        private static final long serialVersionUID = 1L;
    }

    Connection(SocketChannel channel) throws IOException {
        this.channel = channel;
        channel.configureBlocking(false);
        selector = Selector.open();
        key = channel.register(selector, SelectionKey.OP_READ);
    }

    /** Bytes sent so far, headers included. */
    long sent() {
        return sent;
    }

    /** Bytes received so far, headers included. */
    long received() {
        return received;
    }

    /**
     * Begins a message; exactly {@code size} bytes of payload must follow by {@link #put}, then {@link #flush}.
     *
     * @throws UnaskedException if the worker has sent something: {@link #receive} gives it
     */
    void begin(int kind, int size) throws IOException, InterruptedException {
        checkUnasked();
        out.clear();
        out.putInt(size).put((byte) kind).put((byte) 0).putShort((short) 0);
        sent += HEADER_SIZE + size;
    }

    void put(byte[] data, int start, int length) throws IOException, InterruptedException {
        int at = start;
        int left = length;
        while (left > 0) {
            if (!out.hasRemaining()) {
                drain();
            }
            int count = Math.min(left, out.remaining());
            out.put(data, at, count);
            at += count;
            left -= count;
        }
    }

    void putInt(int value) throws IOException, InterruptedException {
        if (out.remaining() < 4) {
            drain();
        }
        out.putInt(value);
    }

    void putLong(long value) throws IOException, InterruptedException {
        if (out.remaining() < 8) {
            drain();
        }
        out.putLong(value);
    }

    /** Zero bytes up to the next multiple of eight after {@code size} bytes. */
    void pad(int size) throws IOException, InterruptedException {
        put(ZEROS, 0, -size & 7);
    }

    void flush() throws IOException, InterruptedException {
        drain();
    }

    /** Sends a message whose payload is at hand. */
    void send(int kind, byte[] payload) throws IOException, InterruptedException {
        begin(kind, payload.length);
        put(payload, 0, payload.length);
        flush();
    }

    /**
     * Waits for the next message.
     *
     * @throws EndException if there is no more
     * @throws WorkerException if it is not a message, or larger than the limit
     */
    Message receive() throws IOException, InterruptedException {
        while (in.remaining() < HEADER_SIZE) {
            fill(true);
        }
        int size = in.getInt();
        int kind = in.get();
        int reserved = in.get() | in.getShort();
        if (kind < HELLO || kind > ERROR) {
            throw new WorkerException("a message of kind " + kind + " (spec §16.2)", "FormatError",
                    "bad-message", false);
        }
        if (reserved != 0) {
            throw new WorkerException(
                    "reserved bytes of a message are not zero (spec §16.2)", "FormatError", "bad-zero", false);
        }
        if (size < 0 || size > Buffer.SIZE_MAX) {
            throw new WorkerException("a message of " + (size & 0xFFFFFFFFL) + " bytes, at most " + Buffer.SIZE_MAX
                    + " are possible (spec §16.2)", "LimitExceededError", "limit-exceeded", false);
        }
        byte[] payload = new byte[size];
        int filled = 0;
        while (filled < size) {
            if (!in.hasRemaining()) {
                fill(true);
            }
            int count = Math.min(size - filled, in.remaining());
            in.get(payload, filled, count);
            filled += count;
        }
        received += HEADER_SIZE + size;
        return new Message(kind, payload);
    }

    /** Whether something has come in; does not wait. The end of the connection counts as something. */
    private void checkUnasked() throws IOException, InterruptedException {
        fill(false);
        if (in.hasRemaining()) {
            throw new UnaskedException();
        }
    }

    /** Reads what is there behind what is left of {@code in}. */
    private void fill(boolean wait) throws IOException, InterruptedException {
        in.compact();
        try {
            int count = channel.read(in);
            while (count == 0 && wait) {
                await(SelectionKey.OP_READ);
                count = channel.read(in);
            }
            if (count < 0) {
                throw new EndException();
            }
        } catch (ClosedChannelException closed) {
            throw new EndException();
        } finally {
            in.flip();
        }
    }

    private void drain() throws IOException, InterruptedException {
        out.flip();
        try {
            while (channel.write(out) >= 0 && out.hasRemaining()) {
                await(SelectionKey.OP_READ | SelectionKey.OP_WRITE);
                if (key.isReadable()) {
                    checkUnasked();
                }
            }
        } catch (ClosedChannelException | CancelledKeyException closed) {
            throw new EndException();
        } finally {
            out.clear();
        }
    }

    private void await(int operations) throws IOException, InterruptedException {
        try {
            key.interestOps(operations);
            selector.selectedKeys().clear();
            selector.select();
        } catch (ClosedSelectorException | CancelledKeyException closed) {
            throw new EndException();
        }
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        if (!channel.isOpen() || !key.isValid()) {
            throw new EndException();
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
        selector.close();
    }
}
